package dev.jemma.engine.train;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;

/**
 * Work done by several threads whose results come in the order in which the work was handed in, on the thread that
 * handed it in. A failure comes in its turn too, and is the last thing that comes. At most {@link #AHEAD} pieces per
 * thread are under way, so that the memory they take is bounded.
 *
 * <p>Used by one thread; closing ends the threads, and what they had not begun is left undone.
 *
 * @param <R> what a piece of work results in
 */
final class InOrder<R> implements AutoCloseable {
    /** Enough that a long piece at the head does not leave the other threads idle. */
    static final int AHEAD = 8;

    private final ExecutorService threads;
    private final int most;
    private final Consumer<R> results;
    private final Queue<Future<R>> underWay = new ArrayDeque<>();

    /**
     * @param count how many threads, at least 1
     * @param name of the threads
     * @param results takes the results, in order
     */
    InOrder(int count, String name, Consumer<R> results) {
        this.threads = Executors.newFixedThreadPool(
                count, Thread.ofPlatform().daemon().name(name + "-", 1).factory());
        this.most = AHEAD * count;
        this.results = results;
    }

    /**
     * Hands in a piece of work; gives out what is done, and waits for the first piece if too many are under way.
     *
     * @throws RuntimeException what an earlier piece of work threw, or the taker of the results
     */
    void add(Callable<R> work) {
        while (!underWay.isEmpty()
                && (underWay.size() >= most || underWay.element().isDone())) {
            take();
        }
        underWay.add(threads.submit(work));
    }

    /** Gives out the rest; throws as {@link #add} does. */
    void finish() {
        while (!underWay.isEmpty()) {
            take();
        }
    }

    private void take() {
        Future<R> first = underWay.remove();
        R result;
        try {
            result = await(first);
        } catch (ExecutionException e) {
            underWay.clear();
            switch (e.getCause()) {
                case RuntimeException failure -> throw failure;
                case Error failure -> throw failure;
                case null, default -> throw new IllegalStateException(e.getCause());
            }
        }
        try {
            results.accept(result);
        } catch (Throwable e) {
            underWay.clear();
            throw e;
        }
    }

    /** A piece of work takes milliseconds; an interrupt is kept for who waits longer. */
    private static <R> R await(Future<R> work) throws ExecutionException {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return work.get();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @Override
    public void close() {
        threads.shutdownNow();
    }
}
