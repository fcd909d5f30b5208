package dev.jemma.bench;

import dev.jemma.engine.api.Arithmetic;
import dev.jemma.engine.checkpoint.Checkpoint;
import dev.jemma.engine.gemma.GemmaModel;
import dev.jemma.engine.gemma.Inference;
import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.kernel.cpu.CpuKernels;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * Which share of what the memory gives does decoding reach? A model's file is read from end to end by as many threads,
 * and a few tokens are decoded, in turns: the bandwidth of a machine that others share drifts within seconds, so only
 * what was measured beside each other compares. A decoded token reads the file once, but for its metadata.
 *
 * <p>Recipe: run {@code main FILE.gguf THREADS F32|BF16 [ROUNDS]}.
 */
public final class DecodeShare {
    private static final int TOKENS = 4;
    private static final int WARM_UPS = 40;
    private static final long PART = 1 << 20;

    private final MemorySegment file;
    private final int threads;
    private final AtomicInteger round = new AtomicInteger();
    private final AtomicInteger reading = new AtomicInteger();
    private final long[] sums;
    private final Thread[] members;

    private DecodeShare(MemorySegment file, int threads) {
        this.file = file;
        this.threads = threads;
        sums = new long[16 * threads];
        members = new Thread[threads];
        for (int i = 1; i < threads; i++) {
            int member = i;
            members[i] = Thread.ofPlatform().daemon().unstarted(() -> member(member));
        }
    }

    /** Arguments as in the recipe. */
    public static void main(String[] args) throws IOException {
        Path path = Path.of(args[0]);
        int threads = Integer.parseInt(args[1]);
        int rounds = args.length > 3 ? Integer.parseInt(args[3]) : 40;
        try (Arena arena = Arena.ofShared();
                FileChannel channel = FileChannel.open(path);
                Kernels kernels = CpuKernels.open(threads, Arithmetic.valueOf(args[2]));
                Checkpoint checkpoint = Checkpoint.open(path);
                GemmaModel model = new GemmaModel(checkpoint, kernels)) {
            long bytes = Files.size(path);
            DecodeShare share = new DecodeShare(channel.map(FileChannel.MapMode.READ_ONLY, 0, bytes, arena), threads);
            for (int i = 1; i < threads; i++) {
                share.members[i].start();
            }
            share.run(model, rounds);
        }
    }

    private void run(GemmaModel model, int rounds) {
        int[] ids = new Random(7).ints(512, 3, model.config().vocabSize()).toArray();
        double[] read = new double[rounds];
        double[] decode = new double[rounds];
        double[] ratio = new double[rounds];
        try (Inference inference = new Inference(model, List.of(), Inference.Options.of(ids.length))) {
            inference.forward(ids, 0, 8);
            for (int i = -WARM_UPS; i < rounds; i++) {
                inference.rewind(8);
                long start = System.nanoTime();
                read();
                long middle = System.nanoTime();
                for (int t = 0; t < TOKENS; t++) {
                    inference.forward(ids, 8 + t, 1);
                }
                long end = System.nanoTime();
                if (i >= 0) {
                    read[i] = file.byteSize() / (double) (middle - start);
                    decode[i] = TOKENS * 1e9 / (end - middle);
                    ratio[i] = (double) TOKENS * (middle - start) / (end - middle);
                }
            }
        }
        System.out.printf(
                "reads %s GB/s, decodes %s tokens/s (%.1f GB/s), a share of %s %%%n",
                quartiles(read, 1),
                quartiles(decode, 1),
                decode[rounds / 2] * file.byteSize() / 1e9,
                quartiles(ratio, 100));
    }

    /** Sorts. */
    private static String quartiles(double[] values, double scale) {
        Arrays.sort(values);
        int n = values.length;
        return String.format(
                "%.1f / %.1f / %.1f", scale * values[n / 4], scale * values[n / 2], scale * values[3 * n / 4]);
    }

    private void member(int member) {
        for (int seen = 0; ; seen++) {
            while (round.get() == seen) {
                LockSupport.park(this); // the kernels' own threads want the cores
            }
            sum(member);
            reading.decrementAndGet();
        }
    }

    private void read() {
        reading.set(threads - 1);
        round.incrementAndGet();
        for (int i = 1; i < threads; i++) {
            LockSupport.unpark(members[i]);
        }
        sum(0);
        while (reading.get() != 0) {
            Thread.onSpinWait();
        }
    }

    private void sum(int member) {
        long mine = file.byteSize() / threads & -256;
        for (long at = 0; at < mine; at += PART) {
            sums[16 * member] += Ceilings.sum(file, member * mine + at, (int) Math.min(PART, mine - at));
        }
    }
}
