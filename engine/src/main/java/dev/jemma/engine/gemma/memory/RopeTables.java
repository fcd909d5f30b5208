package dev.jemma.engine.gemma.memory;

import dev.jemma.engine.checkpoint.config.GemmaConfig;
import dev.jemma.engine.checkpoint.config.LayerConfig;
import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.kernel.RopeTable;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Slab;
import dev.jemma.engine.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Rotary angles, for as many positions as any session has needed so far: a model made for 131,072 positions should not
 * compute seventeen million cosines before its first word. Grows by doubling; the smaller tables live on until the
 * model is closed, because a session may still hold one.
 *
 * <p>As in transformers ({@code modeling_gemma3.py}, {@code Gemma3RotaryEmbedding}): inverse frequencies, their product
 * with the position, cosine and sine are each rounded to f32.
 */
public final class RopeTables implements AutoCloseable {
    private static final int FIRST = 256;

    /** Positions computed before they are written. */
    private static final int ROWS_AT_ONCE = 64;

    private record Key(LayerConfig.Rope rope, int headDim) {}

    private final Kernels kernels;
    private final List<LayerConfig> layers;
    private final int maxPositions;
    private final List<Slab> slabs = new ArrayList<>();
    private RopeTable[] byLayer = new RopeTable[0];
    private int positions;

    /** Tables of no position yet. */
    public RopeTables(Kernels kernels, GemmaConfig config) {
        this.kernels = kernels;
        this.layers = config.layers();
        this.maxPositions = config.maxPositionEmbeddings();
    }

    /** The tables of every layer, good for at least positions 0 .. {@code wanted - 1}. */
    public RopeTable[] covering(int wanted) {
        if (wanted > positions) {
            grow(Math.max(wanted, Math.min(maxPositions, Math.max(FIRST, Integer.highestOneBit(wanted - 1) << 1))));
        }
        return byLayer;
    }

    private void grow(int count) {
        Map<Key, RopeTable> tables = new HashMap<>();
        RopeTable[] grown = new RopeTable[layers.size()];
        for (int l = 0; l < grown.length; l++) {
            grown[l] = tables.computeIfAbsent(
                    new Key(layers.get(l).rope(), layers.get(l).headDim()), key -> table(key, count));
        }
        byLayer = grown;
        positions = count;
    }

    private RopeTable table(Key key, int count) {
        int half = key.headDim / 2;
        float[] frequencies = inverseFrequencies(key.rope, key.headDim);
        Slab slab = kernels.slab(2 * Slab.aligned(4L * count * half));
        slabs.add(slab);
        Tensor cos = slab.allocate(DType.F32, count, half);
        Tensor sin = slab.allocate(DType.F32, count, half);
        float[] cosines = new float[Math.min(count, ROWS_AT_ONCE) * half];
        float[] sines = new float[cosines.length];
        for (int from = 0; from < count; from += ROWS_AT_ONCE) {
            int to = Math.min(count, from + ROWS_AT_ONCE);
            turn(frequencies, from, to, cosines, sines);
            kernels.write(cos.rows(from, to), cosines, 0, (to - from) * half);
            kernels.write(sin.rows(from, to), sines, 0, (to - from) * half);
        }
        return new RopeTable(cos, sin);
    }

    private static void turn(float[] frequencies, int from, int to, float[] cosines, float[] sines) {
        int i = 0;
        for (int p = from; p < to; p++) {
            for (float frequency : frequencies) {
                float angle = frequency * p;
                cosines[i] = (float) Math.cos(angle);
                sines[i++] = (float) Math.sin(angle);
            }
        }
    }

    /** {@code 1 / theta^(2i / headDim) / factor}, each step in f32. */
    static float[] inverseFrequencies(LayerConfig.Rope rope, int headDim) {
        float[] frequencies = new float[headDim / 2];
        for (int i = 0; i < frequencies.length; i++) {
            float exponent = (float) (2 * i) / headDim;
            frequencies[i] = 1f / (float) Math.pow((float) rope.theta(), exponent) / (float) rope.factor();
        }
        return frequencies;
    }

    @Override
    public void close() {
        slabs.forEach(Slab::close);
    }
}
