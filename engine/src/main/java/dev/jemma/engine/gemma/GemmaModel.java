package dev.jemma.engine.gemma;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.Precision;
import dev.jemma.engine.api.Recompute;
import dev.jemma.engine.api.WeightType;
import dev.jemma.engine.checkpoint.Checkpoint;
import dev.jemma.engine.checkpoint.ModelWeights;
import dev.jemma.engine.checkpoint.config.GemmaConfig;
import dev.jemma.engine.checkpoint.config.Layout;
import dev.jemma.engine.checkpoint.config.Parameter;
import dev.jemma.engine.checkpoint.config.Place;
import dev.jemma.engine.gemma.block.Block;
import dev.jemma.engine.gemma.block.LayerParts;
import dev.jemma.engine.gemma.block.Linear;
import dev.jemma.engine.gemma.block.Norm;
import dev.jemma.engine.gemma.block.Pass;
import dev.jemma.engine.gemma.memory.Gradients;
import dev.jemma.engine.gemma.memory.RopeTables;
import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.kernel.RopeTable;
import dev.jemma.engine.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * A Gemma over one backend: weights, used where they lie, and the order in which kernels are applied to them.
 * The same forward serves {@link Inference} and {@link Training}; they differ in buffers only.
 *
 * <p>Borrows weights and kernels, which must outlive it; owns the rotary tables. Sessions of several threads may share
 * it: a run through the model (a chunk of a prompt, a decoded token, a training step) is made by one of them at a time,
 * since kernels are for one thread. Closing it while a session is open makes that session's next run fail.
 */
public final class GemmaModel implements AutoCloseable {
    private final GemmaConfig config;
    private final Layout layout;
    private final ModelWeights weights;
    private final Kernels kernels;
    private final RopeTables ropes;
    private final Tensor embedding;
    private final int embeddingModule;
    private final List<Block> blocks;
    private final Norm finalNorm;
    private final Linear head;
    private final ReentrantLock lock = new ReentrantLock();

    /**
     * A model over the weights of {@code checkpoint} as they are stored.
     *
     * @throws FormatException if a weight has an element type that {@code kernels} does not compute with
     */
    public GemmaModel(Checkpoint checkpoint, Kernels kernels) {
        this(checkpoint, ModelWeights.asStored(checkpoint), kernels);
    }

    /**
     * A model of {@code checkpoint}'s shape over {@code weights}, borrowed.
     *
     * @throws FormatException if a weight has an element type that {@code kernels} does not compute with
     */
    public GemmaModel(Checkpoint checkpoint, ModelWeights weights, Kernels kernels) {
        this.config = checkpoint.config();
        this.layout = config.layout();
        this.weights = weights;
        this.kernels = kernels;
        for (Parameter parameter : layout.stored()) {
            Tensor weight = weights.tensor(parameter.name());
            if (!kernels.supportsWeight(weight.dtype())) {
                throw new FormatException(checkpoint.path() + ": tensor '" + parameter.name() + "' is "
                        + weight.dtype() + ", which the backend (" + kernels.description()
                        + ") does not compute with");
            }
        }
        Parameter embedded = layout.of(Place.EMBEDDING);
        this.embedding = weights.tensor(embedded.name());
        this.embeddingModule = layout.number(embedded);
        this.blocks = new ArrayList<>();
        for (int l = 0; l < config.numHiddenLayers(); l++) {
            blocks.add(Block.of(new LayerParts(layout, weights, l)));
        }
        this.finalNorm = Norm.of(layout.of(Place.FINAL_NORM), layout, weights);
        this.head = Linear.of(layout.of(Place.HEAD), layout, weights);
        this.ropes = new RopeTables(kernels, config);
    }

    /** Shape and constants. */
    public GemmaConfig config() {
        return config;
    }

    /** What decides its numbers beside the checkpoint. */
    public Precision precision() {
        return new Precision(kernels.arithmetic(), weights.isConverted() ? weights.type() : WeightType.AUTO);
    }

    /** What it computes with. */
    public ModelWeights weights() {
        return weights;
    }

    /** The backend that the weights are used by. */
    public Kernels kernels() {
        return kernels;
    }

    /** Its parameters. */
    Layout layout() {
        return layout;
    }

    Norm finalNorm() {
        return finalNorm;
    }

    Linear head() {
        return head;
    }

    /** Does {@code work} on tensors of the backend while nobody else computes: kernels are for one thread. */
    public void exclusively(Runnable work) {
        lock.lock();
        try {
            work.run();
        } finally {
            lock.unlock();
        }
    }

    /** As {@link #exclusively(Runnable)}, for what has a result. */
    public <T> T exclusively(Supplier<T> work) {
        lock.lock();
        try {
            return work.get();
        } finally {
            lock.unlock();
        }
    }

    /** Held by whoever runs through the model. */
    ReentrantLock lock() {
        return lock;
    }

    /** Rotary tables for positions 0 .. {@code positions - 1}. */
    RopeTable[] ropes(int positions) {
        return ropes.covering(positions);
    }

    /**
     * Embedding and blocks: fills the residual stream, whose last part is the input of the final norm.
     *
     * @param ids [N] I32
     * @throws CancellationException between two layers, if the pass is cancelled
     */
    void forward(Pass p, Tensor ids) {
        Tensor stream = p.stream(0);
        kernels.embed(stream, embedding, ids, config.embeddingScale());
        p.adapted(embeddingModule).embed(stream, ids, config.embeddingScale(), kernels);
        for (Block block : blocks) {
            if (p.isCancelled()) {
                throw new CancellationException("cancelled in layer " + block.layer());
            }
            p.observer().accept(p.stream(block.layer()), block.layer());
            block.forward(p);
        }
    }

    /**
     * From the gradient of the last part of the stream to those of all adapters, layer by layer; not further down than
     * the lowest adapted module.
     */
    void backward(Pass p, Gradients g, Tensor ids, Recompute recompute) {
        for (Block block : blocks.reversed()) {
            if (!g.reaches(block.layer())) {
                return;
            }
            // The last layer's buffers still hold its own forward.
            if (recompute == Recompute.BLOCKS && block.layer() + 1 < blocks.size()) {
                block.forward(p);
            }
            block.backward(p, g);
        }
        p.adapted(embeddingModule).embedBackward(g.stream(), ids, config.embeddingScale(), kernels);
    }

    /** Frees the rotary tables; the weights are borrowed. A second close is harmless. */
    @Override
    public void close() {
        ropes.close();
    }
}
