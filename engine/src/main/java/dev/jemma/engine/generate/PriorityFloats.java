package dev.jemma.engine.generate;

import java.util.Arrays;

/** The k largest of the floats offered, as a heap with the smallest of them on top. */
final class PriorityFloats {
    private final float[] heap;

    PriorityFloats(int k) {
        heap = new float[k];
        Arrays.fill(heap, Float.NEGATIVE_INFINITY);
    }

    void offer(float value) {
        if (value <= heap[0]) {
            return;
        }
        int at = 0;
        while (2 * at + 1 < heap.length) {
            int child = 2 * at + 1;
            if (child + 1 < heap.length && heap[child + 1] < heap[child]) {
                child++;
            }
            if (value <= heap[child]) {
                break;
            }
            heap[at] = heap[child];
            at = child;
        }
        heap[at] = value;
    }

    /** The k-th largest value offered, negative infinity if there were fewer. */
    float smallest() {
        return heap[0];
    }
}
