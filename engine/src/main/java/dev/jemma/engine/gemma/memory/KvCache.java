package dev.jemma.engine.gemma.memory;

import dev.jemma.engine.checkpoint.config.GemmaConfig;
import dev.jemma.engine.checkpoint.config.LayerConfig;
import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.kernel.Span;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Slab;
import dev.jemma.engine.tensor.Tensor;
import java.util.List;

/**
 * Keys and values of B sequences, [B * capacity, K] a layer in f32.
 *
 * <p>Position p of sequence b lies in row {@code b * capacity + p % capacity}. A full layer's capacity is as many
 * positions as have been needed, doubled when they run out. A sliding layer's stops growing at
 * {@code window - 1 + chunk + rewindRoom}: from there it is a ring that holds what the first query of a chunk sees
 * after the whole chunk has been stored, and what a query sees that stands {@code rewindRoom} positions back.
 */
public final class KvCache implements KeyValues, AutoCloseable {
    private static final int FIRST = 256;

    private final Kernels kernels;
    private final List<LayerConfig> layers;
    private final int sequences;
    private final int contextLength;
    private final int slack;
    private final Layer[] cache;
    private final Span[][] spans;
    private final int[] position;
    private final int[] highest;

    private record Layer(Slab slab, Tensor keys, Tensor values, int capacity) {}

    /**
     * An empty cache.
     *
     * @param contextLength most positions of a sequence
     * @param chunk most positions stored at once
     * @param rewindRoom how far back {@link #rewind} reaches at least
     */
    public KvCache(Kernels kernels, GemmaConfig config, int sequences, int contextLength, int chunk, int rewindRoom) {
        this.kernels = kernels;
        this.layers = config.layers();
        this.sequences = sequences;
        this.contextLength = contextLength;
        this.slack = Math.addExact(chunk, rewindRoom) - 1;
        this.cache = new Layer[layers.size()];
        this.spans = new Span[layers.size()][];
        this.position = new int[sequences];
        this.highest = new int[sequences];
        for (int l = 0; l < cache.length; l++) {
            cache[l] = allocate(l, Math.min(FIRST, contextLength));
        }
    }

    /** Bytes of a cache whose sequences have reached {@code positions}. */
    public static long bytes(GemmaConfig config, int sequences, int positions, int chunk, int rewindRoom) {
        long bytes = 0;
        for (LayerConfig layer : config.layers()) {
            long rows = (long) sequences * limit(layer, positions, chunk + rewindRoom - 1);
            bytes += 2 * Slab.aligned(4 * rows * layer.keyValueDim());
        }
        return bytes;
    }

    private static int limit(LayerConfig layer, int positions, int slack) {
        return switch (layer.type()) {
            case FULL -> positions;
            case SLIDING -> (int) Math.min(positions, (long) layer.window() + slack);
        };
    }

    /** The next position of a sequence. */
    public int position(int sequence) {
        return position[sequence];
    }

    /** Makes room for positions 0 .. {@code wanted - 1} of every sequence. */
    private void reserve(int wanted) {
        for (int l = 0; l < cache.length; l++) {
            Layer old = cache[l];
            if (old.capacity < limit(layers.get(l), wanted, slack)) {
                Layer grown = allocate(l, Math.min(contextLength, Integer.highestOneBit(wanted - 1) << 1));
                // A cache that is smaller than its limit has not wrapped yet: row p is position p.
                for (int b = 0; b < sequences; b++) {
                    move(grown, old, b);
                }
                old.slab.close();
                cache[l] = grown;
            }
        }
    }

    private Layer allocate(int layer, int positions) {
        int capacity = limit(layers.get(layer), positions, slack);
        long width = layers.get(layer).keyValueDim();
        long rows = (long) sequences * capacity;
        Slab slab = kernels.slab(2 * Slab.aligned(4 * rows * width));
        return new Layer(slab, slab.allocate(DType.F32, rows, width), slab.allocate(DType.F32, rows, width), capacity);
    }

    private void move(Layer to, Layer from, int sequence) {
        long held = Math.min(highest[sequence], from.capacity);
        if (held > 0) {
            long source = (long) sequence * from.capacity;
            long target = (long) sequence * to.capacity;
            kernels.copy(to.keys.rows(target, target + held), from.keys.rows(source, source + held));
            kernels.copy(to.values.rows(target, target + held), from.values.rows(source, source + held));
        }
    }

    /**
     * Starts a pass that appends {@code counts[i]} tokens to sequence {@code sequence[i]}, for the first {@code n}
     * entries.
     */
    public void begin(int[] sequence, int[] counts, int n) {
        int wanted = 1;
        for (int i = 0; i < n; i++) {
            wanted = Math.max(wanted, position[sequence[i]] + counts[i]);
        }
        reserve(wanted);
        for (int i = 0; i < n; i++) {
            // Before the pass: if it is cancelled halfway, some layers' rings have already been written this far.
            highest[sequence[i]] = Math.max(highest[sequence[i]], position[sequence[i]] + counts[i]);
        }
        for (int l = 0; l < cache.length; l++) {
            int alike = firstOfCapacity(cache[l].capacity);
            spans[l] = alike < l ? spans[alike] : spans(sequence, counts, n, cache[l].capacity);
        }
    }

    private int firstOfCapacity(int capacity) {
        int l = 0;
        while (cache[l].capacity != capacity) {
            l++;
        }
        return l;
    }

    private Span[] spans(int[] sequence, int[] counts, int n, int capacity) {
        Span[] result = new Span[n];
        int row = 0;
        for (int i = 0; i < n; i++) {
            result[i] = new Span(row, counts[i], position[sequence[i]], sequence[i] * capacity, capacity);
            row += counts[i];
        }
        return result;
    }

    /** The pass went through: its tokens are now part of the sequences. */
    public void end(int[] sequence, int[] counts, int n) {
        for (int i = 0; i < n; i++) {
            position[sequence[i]] += counts[i];
        }
    }

    /**
     * Forgets what follows {@code wanted}.
     *
     * @return the position that the sequence stands at now: {@code wanted}, or 0 if a ring no longer holds what a query
     *     there sees
     */
    public int rewind(int sequence, int wanted) {
        if (wanted < 0 || wanted > position[sequence]) {
            throw new IllegalArgumentException(
                    "rewind to position " + wanted + " of a sequence at position " + position[sequence]);
        }
        boolean held = true;
        for (int l = 0; l < cache.length; l++) {
            int oldest = Math.max(0, highest[sequence] - cache[l].capacity);
            LayerConfig layer = layers.get(l);
            int first = layer.window() == 0 ? 0 : Math.max(0, wanted - layer.window() + 1);
            held &= oldest <= first;
        }
        position[sequence] = held ? wanted : 0;
        if (position[sequence] == 0) {
            highest[sequence] = 0;
        }
        return position[sequence];
    }

    @Override
    public Tensor keys(int layer, Tensor k) {
        kernels.cacheRows(cache[layer].keys, k, spans[layer]);
        return cache[layer].keys;
    }

    @Override
    public Tensor values(int layer, Tensor v) {
        kernels.cacheRows(cache[layer].values, v, spans[layer]);
        return cache[layer].values;
    }

    @Override
    public Span[] spans(int layer) {
        return spans[layer];
    }

    @Override
    public void close() {
        for (Layer layer : cache) {
            layer.slab.close();
        }
    }
}
