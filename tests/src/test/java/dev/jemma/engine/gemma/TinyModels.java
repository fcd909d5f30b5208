package dev.jemma.engine.gemma;

import dev.jemma.engine.api.WeightType;
import dev.jemma.engine.checkpoint.Checkpoint;
import dev.jemma.engine.checkpoint.ModelWeights;
import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.quantize.WeightsCache;
import dev.jemma.engine.tensor.Slab;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Random;

/** The bundled models of make_tiny_models.py, opened. */
public final class TinyModels implements AutoCloseable {
    public static final Path ROOT = Path.of("src/test/resources/models");

    final Kernels kernels;
    final Checkpoint checkpoint;
    final GemmaModel model;
    private final ModelWeights weights;
    private final Slab slab;

    private final Path folder;

    TinyModels(String name, Backend backend) throws IOException {
        this(name, backend, WeightType.AUTO);
    }

    TinyModels(String name, Backend backend, WeightType type) throws IOException {
        folder = ROOT.resolve(name);
        kernels = backend.kernels();
        checkpoint = Checkpoint.open(folder);
        weights = ModelWeights.open(checkpoint, type, WeightsCache.none(), 1);
        model = new GemmaModel(checkpoint, weights, kernels);
        slab = kernels.slab(4 * ReferenceData.adapterBytes(folder.resolve("lora")));
    }

    /** One of the model's adapters. */
    LowRanks adapter(String name) throws IOException {
        return ReferenceData.adapter(folder.resolve(name), kernels, slab);
    }

    /** Random ids without the special ones. */
    int[] ids(int count, long seed) {
        return new Random(seed).ints(count, 3, checkpoint.config().vocabSize()).toArray();
    }

    @Override
    public void close() {
        slab.close();
        model.close();
        weights.close();
        checkpoint.close();
        kernels.close();
    }
}
