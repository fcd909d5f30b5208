package dev.jemma.engine.gemma;

import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.tensor.Tensor;

/** How far apart two arrays are, in the measures that the references are stated in. */
public final class Closeness {
    private Closeness() {}

    public static float[] read(Kernels kernels, Tensor x) {
        float[] values = new float[Math.toIntExact(x.elements())];
        kernels.read(x, values);
        return values;
    }

    /** The largest difference over the largest expected magnitude. */
    public static double ofLargest(float[] actual, float[] expected) {
        double difference = 0;
        double largest = 0;
        for (int i = 0; i < expected.length; i++) {
            difference = Math.max(difference, Math.abs((double) actual[i] - expected[i]));
            largest = Math.max(largest, Math.abs(expected[i]));
            if (Float.isNaN(actual[i])) {
                return Double.NaN;
            }
        }
        return difference / largest;
    }

    /** The norm of the difference over the norm of what is expected. */
    static double relative(float[] actual, float[] expected) {
        double difference = 0;
        double norm = 0;
        for (int i = 0; i < expected.length; i++) {
            difference += Math.pow((double) actual[i] - expected[i], 2);
            norm += Math.pow(expected[i], 2);
        }
        return Math.sqrt(difference / norm);
    }

    static double norm(float[] x) {
        double sum = 0;
        for (float value : x) {
            sum += (double) value * value;
        }
        return Math.sqrt(sum);
    }

    static double cosine(float[] x, float[] y) {
        double dot = 0;
        for (int i = 0; i < x.length; i++) {
            dot += (double) x[i] * y[i];
        }
        return dot / norm(x) / norm(y);
    }

    static int indexOfLargest(float[] x) {
        int best = 0;
        for (int i = 1; i < x.length; i++) {
            best = x[i] > x[best] ? i : best;
        }
        return best;
    }
}
