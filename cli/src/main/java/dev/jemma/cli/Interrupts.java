package dev.jemma.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Lets work end in order when the user types Ctrl-C or the process is asked to end: something is called, and the JVM
 * waits until this is closed before it dies. Its exit status is then the signal's, 130 for Ctrl-C.
 */
final class Interrupts implements AutoCloseable {
    private static final long PATIENCE_SECONDS = 600;

    private final CountDownLatch finished = new CountDownLatch(1);
    private final Thread hook;

    private Interrupts(Runnable action) {
        hook = new Thread(() -> {
            action.run();
            try {
                if (!finished.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                    Runtime.getRuntime().halt(Failures.INTERRUPTED);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
    }

    /** From now on {@code action} runs at an interrupt, on another thread; it must be short. */
    static Interrupts call(Runnable action) {
        Interrupts interrupts = new Interrupts(action);
        Runtime.getRuntime().addShutdownHook(interrupts.hook);
        return interrupts;
    }

    @Override
    public void close() {
        finished.countDown();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The JVM is on its way down: the hook is running, and now free to end.
        }
    }
}
