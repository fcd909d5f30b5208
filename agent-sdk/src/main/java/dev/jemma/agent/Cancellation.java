package dev.jemma.agent;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;

/** Stops one question from any thread: the model, the tools that run, and the loop. Safe for threads. */
public final class Cancellation {
    private final List<Runnable> actions = new ArrayList<>();
    private boolean cancelled;

    /** Not cancelled. */
    public Cancellation() {}

    /** Cancels; runs what was registered, once, all of it: the first exception of one comes out at the end. */
    public void cancel() {
        List<Runnable> due;
        synchronized (this) {
            if (cancelled) {
                return;
            }
            cancelled = true;
            due = List.copyOf(actions);
            actions.clear();
        }
        Optional<RuntimeException> failure = Optional.empty();
        for (Runnable action : due) {
            try {
                action.run();
            } catch (RuntimeException e) {
                failure = failure.or(() -> Optional.of(e));
            }
        }
        if (failure.isPresent()) {
            throw failure.get();
        }
    }

    /** Whether it was cancelled. */
    public synchronized boolean isCancelled() {
        return cancelled;
    }

    /**
     * Runs {@code action} on cancellation, at once if that has happened.
     *
     * @return takes the registration back
     */
    public Registration onCancel(Runnable action) {
        synchronized (this) {
            if (!cancelled) {
                actions.add(action);
                return () -> remove(action);
            }
        }
        action.run();
        return () -> {};
    }

    /** A registration that can be taken back. */
    @FunctionalInterface
    public interface Registration extends AutoCloseable {
        @Override
        void close();
    }

    private synchronized void remove(Runnable action) {
        actions.remove(action);
    }

    /** Throws if it was cancelled. */
    void check() {
        if (isCancelled()) {
            throw new CancellationException("the question was cancelled");
        }
    }
}
