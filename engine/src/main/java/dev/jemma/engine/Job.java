package dev.jemma.engine;

import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * A long work with an open {@link Gemma}: on one thread at a time, cancelled from any. Closing the Gemma cancels it and
 * waits for its end, since what it computes with is gone afterwards.
 */
final class Job {
    private final Gemma gemma;
    private final String name;
    private final ReentrantLock running = new ReentrantLock();
    private volatile boolean cancelled;

    /**
     * @param name what it is, for messages
     */
    Job(Gemma gemma, String name) {
        this.gemma = gemma;
        this.name = name;
    }

    /** What ends it when the Gemma is closed. */
    private final class Registration implements AutoCloseable {
        @Override
        public void close() {
            if (running.isHeldByCurrentThread()) {
                throw new IllegalStateException(
                        "a Gemma cannot be closed by its own " + name + "; cancel that, and close when it has ended");
            }
            cancel();
            running.lock();
            running.unlock();
        }
    }

    /**
     * Does {@code work} here and now. What was cancelled before is cancelled at once; afterwards it can be done again.
     *
     * @throws IllegalStateException if it is being done already, or the Gemma is closed
     */
    <T> T run(Supplier<T> work) {
        if (running.isHeldByCurrentThread() || !running.tryLock()) {
            throw new IllegalStateException("this " + name + " is running already, make another one");
        }
        try {
            Registration registration = gemma.register(Registration::new);
            try {
                return work.get();
            } finally {
                gemma.forget(registration);
            }
        } finally {
            cancelled = false;
            running.unlock();
        }
    }

    /** Asks for an early end. From any thread. */
    void cancel() {
        cancelled = true;
    }

    /** Whether somebody asked for an early end. */
    boolean cancelled() {
        return cancelled;
    }
}
