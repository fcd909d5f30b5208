package dev.jemma.engine.tokenizer;

import java.util.Arrays;

/** Tokens being collected: ids and where each begins in the text, in growing arrays. */
final class TokenSink {
    private int[] ids;
    private int[] starts;
    private int size;

    TokenSink(int expected) {
        ids = new int[Math.max(16, expected)];
        starts = new int[ids.length];
    }

    void add(int id, int start) {
        if (size == ids.length) {
            int larger = Math.addExact(size, size >> 1);
            ids = Arrays.copyOf(ids, larger);
            starts = Arrays.copyOf(starts, larger);
        }
        ids[size] = id;
        starts[size++] = start;
    }

    void addAll(int[] added, int start) {
        for (int id : added) {
            add(id, start);
        }
    }

    int[] ids() {
        return Arrays.copyOf(ids, size);
    }

    int[] starts() {
        return Arrays.copyOf(starts, size);
    }
}
