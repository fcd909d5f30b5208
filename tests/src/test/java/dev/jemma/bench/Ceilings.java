package dev.jemma.bench;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.ByteOrder;
import java.util.concurrent.CountDownLatch;
import java.util.function.DoubleSupplier;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * What the machine can do at most, with as many threads as the kernels have: the numbers that benchmarks are divided
 * by.
 */
public final class Ceilings {
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Long> LONGS = LongVector.SPECIES_PREFERRED;
    /** How long each kernel runs: at least until its compiled code has run a while. */
    static final double SECONDS = Double.parseDouble(System.getProperty("jemma.bench.seconds", "4"));

    private static final boolean CPU_CLOCK = "cpu".equals(System.getProperty("jemma.bench.clock"));
    private static volatile double sink;

    private Ceilings() {}

    /** f32 operations a second of independent FMAs, two for each. */
    public static double flops(int threads) {
        int steps = 50_000;
        double work = 2.0 * 10 * steps * FLOATS.length();
        return together(threads, () -> best(() -> sink += chains(steps), work));
    }

    /** Bytes a second read from memory too large for the caches. */
    public static double readBandwidth(int threads) {
        long bytes = 256L << 20;
        try (Arena arena = Arena.ofShared()) {
            MemorySegment memory = arena.allocate(bytes * threads, 64);
            memory.fill((byte) 1);
            int[] next = {0};
            return together(threads, () -> {
                int mine;
                synchronized (next) {
                    mine = next[0]++;
                }
                return best(
                        () -> {
                            for (long at = 0; at < bytes; at += 1 << 16) {
                                sink += sum(memory, mine * bytes + at, 1 << 16);
                            }
                        },
                        bytes);
            });
        }
    }

    /** The greatest rate that repeated runs of {@code step} reach within {@link #SECONDS}. */
    public static double best(Runnable step, double work) {
        long end = System.nanoTime() + (long) (SECONDS * 1e9);
        double best = 0;
        do {
            long start = clock();
            step.run();
            best = Math.max(best, work * 1e9 / (clock() - start));
        } while (System.nanoTime() < end);
        return best;
    }

    /**
     * The wall clock, or with {@code -Djemma.bench.clock=cpu} the thread's CPU time: for one thread on a machine that
     * others use.
     */
    private static long clock() {
        return CPU_CLOCK ? ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() : System.nanoTime();
    }

    private static double together(int threads, DoubleSupplier rate) {
        CountDownLatch ready = new CountDownLatch(threads);
        double[] rates = new double[threads];
        Thread[] all = new Thread[threads];
        for (int i = 0; i < threads; i++) {
            int index = i;
            all[i] = Thread.ofPlatform().start(() -> {
                ready.countDown();
                try {
                    ready.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                rates[index] = rate.getAsDouble();
            });
        }
        double sum = 0;
        for (int i = 0; i < threads; i++) {
            try {
                all[i].join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            sum += rates[i];
        }
        return sum;
    }

    private static float chains(int steps) {
        FloatVector a = FloatVector.broadcast(FLOATS, 1.0001f);
        FloatVector b = FloatVector.broadcast(FLOATS, 1e-9f);
        FloatVector c0 = a;
        FloatVector c1 = b;
        FloatVector c2 = a;
        FloatVector c3 = b;
        FloatVector c4 = a;
        FloatVector c5 = b;
        FloatVector c6 = a;
        FloatVector c7 = b;
        FloatVector c8 = a;
        FloatVector c9 = b;
        for (int i = 0; i < steps; i++) {
            c0 = c0.fma(a, b);
            c1 = c1.fma(a, b);
            c2 = c2.fma(a, b);
            c3 = c3.fma(a, b);
            c4 = c4.fma(a, b);
            c5 = c5.fma(a, b);
            c6 = c6.fma(a, b);
            c7 = c7.fma(a, b);
            c8 = c8.fma(a, b);
            c9 = c9.fma(a, b);
        }
        return c0.add(c1)
                .add(c2)
                .add(c3)
                .add(c4)
                .add(c5)
                .add(c6)
                .add(c7)
                .add(c8)
                .add(c9)
                .lane(0);
    }

    /** A sum over {@code bytes} bytes, a multiple of four vectors, as fast as they can be read. */
    static long sum(MemorySegment memory, long from, int bytes) {
        int step = LONGS.vectorByteSize();
        LongVector a = LongVector.zero(LONGS);
        LongVector b = a;
        LongVector c = a;
        LongVector d = a;
        for (int i = 0; i < bytes; i += 4 * step) {
            a = a.add(LongVector.fromMemorySegment(LONGS, memory, from + i, ByteOrder.LITTLE_ENDIAN));
            b = b.add(LongVector.fromMemorySegment(LONGS, memory, from + i + step, ByteOrder.LITTLE_ENDIAN));
            c = c.add(LongVector.fromMemorySegment(LONGS, memory, from + i + 2L * step, ByteOrder.LITTLE_ENDIAN));
            d = d.add(LongVector.fromMemorySegment(LONGS, memory, from + i + 3L * step, ByteOrder.LITTLE_ENDIAN));
        }
        return a.add(b).add(c).add(d).lane(0);
    }
}
