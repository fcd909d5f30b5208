package dev.jemma.cli;

import java.io.PrintWriter;
import java.time.Duration;

/** Says now and then how much of a counted work is done, on stderr. */
final class Countdown {
    private static final long EVERY_NANOS = Duration.ofSeconds(10).toNanos();

    private final PrintWriter err;
    private final long total;
    private final long start = System.nanoTime();
    private long last = start;
    private long done;

    Countdown(PrintWriter err, long total) {
        this.err = err;
        this.total = total;
    }

    /** Something to know about the work. */
    void say(String line) {
        err.println(line);
    }

    /** One more is done. */
    void next() {
        done++;
        long now = System.nanoTime();
        if (now - last > EVERY_NANOS && done < total) {
            last = now;
            err.println(done + " of " + total + ", " + Texts.duration((now - start) / 1e9 / done * (total - done))
                    + " left");
        }
    }
}
