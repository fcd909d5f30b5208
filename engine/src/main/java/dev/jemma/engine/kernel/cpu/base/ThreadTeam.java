package dev.jemma.engine.kernel.cpu.base;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A fixed team of threads that run the chunks of one task at a time; the caller is a member.
 *
 * <p>A step of a small model is hundreds of tasks of a few microseconds, so members spin before they park. After some
 * microseconds of that they offer their core between two looks: where others want it too, or the system has put two
 * members on one core, whoever has work would otherwise wait for the rest of a time slice, which is milliseconds.
 *
 * <p>Chunks are claimed in order, by whoever is free: a task's result must not depend on who runs a chunk, and none of
 * ours does, because a chunk owns its output elements and computes each in a fixed order. A task is over when its
 * chunks are, whether or not every member has noticed it: nobody waits for one that sleeps or has lost its core.
 * Running a task allocates nothing.
 */
public final class ThreadTeam implements AutoCloseable {
    /** What a task does for one of its chunks. */
    @FunctionalInterface
    public interface Task {
        /**
         * @param chunk 0 .. chunks - 1
         * @param member who runs it, 0 .. members - 1: selects scratch memory
         */
        void run(int chunk, int member);
    }

    private static final long SPIN_NANOS = 1_000_000;

    /** Looks before the core is offered: about 25 microseconds. */
    private static final int SPINS = 1024;

    private final Thread[] threads;
    private final Member[] members;

    /**
     * The number of chunks above, the next one to claim below, as one: who claims from a task that has just become
     * another gets a chunk of that one, and what belongs to it.
     */
    private final AtomicLong claims = new AtomicLong();

    /** Chunks that are not done yet. */
    private final AtomicInteger left = new AtomicInteger();

    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
    private volatile boolean closed;
    private Task task = (chunk, member) -> {};

    /** A team of {@code size} members: the caller and {@code size - 1} daemon threads. */
    public ThreadTeam(int size) {
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
    public int size() {
        return threads.length + 1;
    }

    /** Runs all chunks and returns when they are done; rethrows the first failure of any. */
    public void run(int chunkCount, Task newTask) {
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
        left.set(chunkCount);
        claims.set((long) chunkCount << 32); // publishes the fields above
        for (int i = 0; i < threads.length; i++) {
            if (members[i].parked) {
                LockSupport.unpark(threads[i]);
            }
        }
        claim(0);
        for (int spins = 0; left.get() != 0; spins++) {
            pause(spins);
        }
        Throwable thrown = failure.getAndSet(null);
        switch (thrown) {
            case null -> {}
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            default -> throw new IllegalStateException(thrown);
        }
    }

    private static void pause(int spins) {
        if (spins < SPINS) {
            Thread.onSpinWait();
        } else {
            Thread.yield();
        }
    }

    /** Whether there is a chunk that nobody has claimed. */
    private boolean waiting() {
        long seen = claims.get();
        return (int) seen < seen >>> 32;
    }

    /**
     * Runs chunks until all are claimed. The caller of {@link #run} waits for each, so the task cannot change before.
     */
    private void claim(int member) {
        int done = 0;
        for (long claim = claims.getAndIncrement(); (int) claim < claim >>> 32; claim = claims.getAndIncrement()) {
            try {
                if (failure.getPlain() == null) { // after a failure the rest is only counted
                    task.run((int) claim, member);
                }
            } catch (RuntimeException | Error e) {
                failure.compareAndSet(null, e);
            }
            done++;
        }
        if (done > 0) {
            left.addAndGet(-done);
        }
    }

    @Override
    public void close() {
        closed = true;
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

        Member(int index) {
            this.index = index;
        }

        @Override
        public void run() {
            while (!closed) {
                if (waiting()) {
                    claim(index);
                }
                await();
            }
        }

        /** Returns when there is something to do, or the team is closed: spins first, then parks. */
        private void await() {
            long start = System.nanoTime();
            for (int spins = 0; !waiting() && !closed; spins++) {
                if (spins >= SPINS && System.nanoTime() - start > SPIN_NANOS) {
                    parked = true;
                    while (!waiting() && !closed) {
                        LockSupport.park(ThreadTeam.this);
                    }
                    parked = false;
                } else {
                    pause(spins);
                }
            }
        }
    }
}
