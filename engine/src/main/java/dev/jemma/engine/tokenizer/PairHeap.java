package dev.jemma.engine.tokenizer;

import java.util.Arrays;

/** A binary heap of longs, smallest first: candidate merges as (rank, position). */
final class PairHeap {
    private long[] items;
    private int size;

    PairHeap(int expected) {
        items = new long[Math.max(16, expected)];
    }

    boolean isEmpty() {
        return size == 0;
    }

    void offer(long item) {
        if (size == items.length) {
            items = Arrays.copyOf(items, Math.addExact(size, size >> 1));
        }
        int at = size++;
        while (at > 0) {
            int parent = (at - 1) >>> 1;
            if (items[parent] <= item) {
                break;
            }
            items[at] = items[parent];
            at = parent;
        }
        items[at] = item;
    }

    long poll() {
        long smallest = items[0];
        long last = items[--size];
        int at = 0;
        while (2 * at + 1 < size) {
            int child = 2 * at + 1;
            if (child + 1 < size && items[child + 1] < items[child]) {
                child++;
            }
            if (last <= items[child]) {
                break;
            }
            items[at] = items[child];
            at = child;
        }
        items[at] = last;
        return smallest;
    }
}
