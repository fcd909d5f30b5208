package dev.jemma.cli;

import dev.jemma.engine.eval.EvalEvent;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.function.Consumer;

/** Says now and then how much of an evaluation is done, on stderr. Used by one thread. */
final class EvalProgress implements Consumer<EvalEvent> {
    private static final long EVERY_NANOS = Duration.ofSeconds(10).toNanos();

    private final PrintWriter err;
    private final long start = System.nanoTime();
    private long last = start;

    EvalProgress(PrintWriter err) {
        this.err = err;
    }

    @Override
    public void accept(EvalEvent event) {
        switch (event) {
            case EvalEvent.Warned warned -> err.println("warning: " + warned.message());
            case EvalEvent.Folded _ -> err.println(Texts.FOLDED);
            case EvalEvent.Judged judged -> judged(judged.row(), judged.rows());
        }
    }

    private void judged(int row, int rows) {
        long now = System.nanoTime();
        if (now - last > EVERY_NANOS && row < rows) {
            last = now;
            err.println(
                    row + " of " + rows + ", " + Texts.duration((now - start) / 1e9 / row * (rows - row)) + " left");
        }
    }
}
