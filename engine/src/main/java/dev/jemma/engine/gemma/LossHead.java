package dev.jemma.engine.gemma;

import dev.jemma.engine.checkpoint.config.GemmaConfig;
import dev.jemma.engine.gemma.adapter.AdapterDropout;
import dev.jemma.engine.gemma.block.Linear;
import dev.jemma.engine.gemma.block.Pass;
import dev.jemma.engine.gemma.memory.Gradients;
import dev.jemma.engine.gemma.memory.MemoryPlan;
import dev.jemma.engine.gemma.memory.MemoryPlan.Allocation;
import dev.jemma.engine.gemma.memory.MemoryPlan.Region;
import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.tensor.Tensor;

/**
 * Final norm, head and cross entropy, for the supervised rows only and a chunk of them at a time: a batch's logits are
 * never all there (2,048 rows of Gemma 3's would be 2 GB). The gradient comes out of the same visit to a chunk.
 */
final class LossHead {
    /** What a chunk's logits may take. */
    private static final long CHUNK_BYTES = 128L << 20;

    /**
     * Where its buffers will lie.
     *
     * @param chunk most rows of logits at once
     * @param gathered [S, C]
     * @param normed [S, C]
     * @param gradient [S, C]
     * @param logits [chunk, V]
     * @param rows [S]
     * @param targets [S]
     */
    record Regions(
            int chunk, Region gathered, Region normed, Region gradient, Region logits, Region rows, Region targets) {
        static Regions of(MemoryPlan plan, GemmaConfig config, int maxRows, LossGradient wanted) {
            int chunk = LossHead.chunk(config, maxRows);
            long stream = (long) maxRows * config.hiddenSize();
            return new Regions(
                    chunk,
                    plan.floats(stream),
                    plan.floats(stream),
                    plan.floats(wanted == LossGradient.WANTED ? stream : 0),
                    plan.floats((long) chunk * config.vocabSize()),
                    plan.ints(maxRows),
                    plan.ints(maxRows));
        }
    }

    /** Whether a loss is followed by a backward. */
    enum LossGradient {
        WANTED,
        UNWANTED
    }

    private final GemmaModel model;
    private final Regions regions;
    private final Allocation memory;
    private final AdapterDropout dropout;

    LossHead(GemmaModel model, Regions regions, Allocation memory, AdapterDropout dropout) {
        this.model = model;
        this.regions = regions;
        this.memory = memory;
        this.dropout = dropout;
    }

    /** Rows of logits at once. */
    static int chunk(GemmaConfig config, int maxRows) {
        return (int) Math.clamp(CHUNK_BYTES / (4L * config.vocabSize()), 1, maxRows);
    }

    /**
     * The sum of the cross entropies of {@code count} rows of the last block's output.
     *
     * @param rows which rows of the stream, ascending
     * @param targets the token each should predict
     */
    double loss(Pass p, int[] rows, int[] targets, int count) {
        Kernels kernels = p.kernels();
        Tensor normed = normed(p, rows, targets, count);
        double loss = 0;
        for (int from = 0; from < count; from += regions.chunk) {
            int to = Math.min(count, from + regions.chunk);
            Tensor logits = logits(p, normed.rows(from, to));
            loss += kernels.crossEntropy(logits, memory.of(regions.targets).rows(from, to), softcap());
        }
        return loss;
    }

    /**
     * The same sum; sets the gradient of the stream to {@code scale} times the sum's gradient and adds to those of the
     * head's adapter.
     */
    double lossAndGradient(Pass p, Gradients g, int[] rows, int[] targets, int count, float scale, long seed) {
        Kernels kernels = p.kernels();
        Linear head = model.head();
        Tensor normed = normed(p, rows, targets, count);
        Tensor dNormed = memory.matrix(regions.gradient, count, normed.dim(1));
        double loss = 0;
        for (int from = 0; from < count; from += regions.chunk) {
            int to = Math.min(count, from + regions.chunk);
            dropout.on(seed ^ ((long) from << 32)); // element i of another chunk is another element
            Tensor x = normed.rows(from, to);
            Tensor logits = logits(p, x);
            loss += kernels.crossEntropyBackward(
                    logits, memory.of(regions.targets).rows(from, to), softcap(), scale);
            if (g.goesBelow(head.module())) {
                head.backward(dNormed.rows(from, to), logits, x, Write.SET, p);
            } else {
                head.backwardOfAdapter(dNormed.rows(from, to), logits, x, p);
            }
        }
        dropout.on(seed);
        if (g.goesBelow(head.module())) {
            Tensor gathered = memory.matrix(regions.gathered, count, normed.dim(1));
            model.finalNorm().backward(dNormed, dNormed, gathered, Write.SET, kernels);
            kernels.zero(g.stream());
            kernels.gatherRowsBackward(
                    g.stream(), dNormed, memory.of(regions.rows).rows(0, count));
        }
        return loss;
    }

    private float softcap() {
        return (float) model.config().finalLogitSoftcapping();
    }

    private Tensor normed(Pass p, int[] rows, int[] targets, int count) {
        Kernels kernels = p.kernels();
        Tensor stream = p.stream(model.config().numHiddenLayers());
        Tensor gathered = memory.matrix(regions.gathered, count, stream.dim(1));
        Tensor normed = memory.matrix(regions.normed, count, stream.dim(1));
        Tensor indices = memory.of(regions.rows).rows(0, count);
        kernels.write(indices, rows, 0, count);
        kernels.write(memory.of(regions.targets), targets, 0, count);
        kernels.gatherRows(gathered, stream, indices);
        model.finalNorm().forward(normed, gathered, kernels);
        return normed;
    }

    private Tensor logits(Pass p, Tensor x) {
        Linear head = model.head();
        Tensor logits = memory.matrix(regions.logits, x.dim(0), model.config().vocabSize());
        p.adapted(head.module()).begin(Math.toIntExact(x.dim(0)));
        head.forward(logits, x, p);
        return logits;
    }
}
