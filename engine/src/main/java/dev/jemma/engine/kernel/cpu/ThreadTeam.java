package dev.jemma.engine.kernel.cpu;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A fixed team of threads that run the chunks of one task at a time; the caller is a member.
 *
 * <p>A step of a small model is hundreds of tasks of a few microseconds, so members spin for a while before they park. Chunks are
 * claimed in order, by whoever is free: a task's result must not depend on who runs a chunk, and none of ours does, because a chunk
 * owns its output elements and computes each in a fixed order. Running a task allocates nothing.
 */
final class ThreadTeam implements AutoCloseable {
    /** What a task does for one of its chunks. */
    @FunctionalInterface
    interface Task {
        /**
         * @param chunk 0 .. chunks - 1
         * @param member who runs it, 0 .. members - 1: selects scratch memory
         */
        void run(int chunk, int member);
    }

    private static final long SPIN_NANOS = 1_000_000;
    private static final int SPINS_BETWEEN_CLOCKS = 128;

    private final Thread[] threads;
    private final Member[] members;
    private final AtomicInteger next = new AtomicInteger();
    private final AtomicInteger running = new AtomicInteger();
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
    private volatile int generation;
    private volatile boolean closed;
    private Task task = (chunk, member) -> {};
    private int chunks;

    /** A team of {@code size} members: the caller and {@code size - 1} daemon threads. */
    ThreadTeam(int size) {
        if (size < 1) {
            throw new IllegalArgumentException(size + " threads, wanted 1 or more");
        }
        members = new Member[size - 1];
        threads = new Thread[size - 1];
        for (int i = 0; i < threads.length; i++) {
            members[i] = new Member(i + 1);
            threads[i] =
                    Thread.ofPlatform().daemon().name("jemma-cpu-" + (i + 1)).unstarted(members[i]);
        }
        for (Thread thread : threads) {
            thread.start();
        }
    }

    /** Number of members, the caller included. */
    int size() {
        return threads.length + 1;
    }

    /** Runs all chunks and returns when they are done; rethrows the first failure of any. */
    void run(int chunkCount, Task newTask) {
        if (closed) {
            throw new IllegalStateException("the CPU kernels are closed");
        }
        if (chunkCount <= 1 || threads.length == 0) {
            for (int chunk = 0; chunk < chunkCount; chunk++) {
                newTask.run(chunk, 0);
            }
            return;
        }
        task = newTask;
        chunks = chunkCount;
        next.set(0);
        running.set(threads.length);
        generation++; // publishes the fields above; the caller is the only writer
        for (int i = 0; i < threads.length; i++) {
            if (members[i].parked) {
                LockSupport.unpark(threads[i]);
            }
        }
        claim(0);
        int spins = 0;
        while (running.get() != 0) {
            if (++spins < 1 << 14) {
                Thread.onSpinWait();
            } else {
                Thread.yield(); // more threads than cores: let the others have this one
            }
        }
        Throwable thrown = failure.getAndSet(null);
        switch (thrown) {
            case null -> {}
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            default -> throw new IllegalStateException(thrown);
        }
    }

    private void claim(int member) {
        try {
            int count = chunks;
            Task mine = task;
            for (int chunk = next.getAndIncrement(); chunk < count; chunk = next.getAndIncrement()) {
                mine.run(chunk, member);
            }
        } catch (RuntimeException | Error e) {
            failure.compareAndSet(null, e);
            next.set(chunks); // the others need not go on
        }
    }

    @Override
    public void close() {
        closed = true;
        generation++;
        for (Thread thread : threads) {
            LockSupport.unpark(thread);
        }
        for (Thread thread : threads) {
            joinUninterruptibly(thread);
        }
    }

    private static void joinUninterruptibly(Thread thread) {
        boolean interrupted = false;
        while (true) {
            try {
                thread.join();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private final class Member implements Runnable {
        private final int index;
        private volatile boolean parked;
        private int seen;

        Member(int index) {
            this.index = index;
        }

        @Override
        public void run() {
            while (true) {
                await();
                if (closed) {
                    return;
                }
                claim(index);
                running.decrementAndGet();
            }
        }

        /** Returns when the generation has moved on: spins first, then parks. */
        private void await() {
            long start = System.nanoTime();
            for (int spins = 1; generation == seen; spins++) {
                if (spins % SPINS_BETWEEN_CLOCKS == 0 && System.nanoTime() - start > SPIN_NANOS) {
                    parked = true;
                    while (generation == seen) {
                        LockSupport.park(ThreadTeam.this);
                    }
                    parked = false;
                } else {
                    Thread.onSpinWait();
                }
            }
            seen = generation;
        }
    }
}
