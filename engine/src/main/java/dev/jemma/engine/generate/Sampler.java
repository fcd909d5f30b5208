package dev.jemma.engine.generate;

import dev.jemma.engine.api.GenerationOptions;
import dev.jemma.engine.constraint.TokenConstraint;
import java.util.Arrays;
import java.util.BitSet;
import java.util.SplittableRandom;

/**
 * Chooses tokens from logits, with the processors of Hugging Face's {@code generate} in their order
 * (generation/utils.py, {@code _get_logits_processor}): repetition penalty, suppressed tokens, the constraint; then,
 * unless greedy, temperature, top-k, top-p, min-p and one draw. Equal logits fall to the smaller id. One instance
 * follows one answer; not safe for threads.
 *
 * <p>The same seed gives the same draws from the same logits on one machine. They are not PyTorch's draws.
 */
final class Sampler {
    /**
     * Bins of the tail's mass a unit of logit, down to 64 below the largest: what lies lower has no weight in double.
     */
    private static final int BINS_PER_UNIT = 16;

    private static final int BINS = 64 * BINS_PER_UNIT;

    private static final int BLOCK = 1 << 12;

    private final GenerationOptions options;
    private final int[] suppressed;
    private final TokenConstraint constraint;
    private final SplittableRandom random;
    private final BitSet seen = new BitSet();
    private int[] seenIds = new int[64];
    private int seenCount;
    private final long[] candidates;
    private int count;
    private final double[] masses = new double[BINS];

    /**
     * @param vocabulary number of logits
     * @param suppressed ids that are never chosen
     */
    Sampler(GenerationOptions options, int vocabulary, int[] suppressed, TokenConstraint constraint) {
        this.options = options;
        this.suppressed = suppressed;
        this.constraint = constraint;
        this.random =
                options.seed().isPresent() ? new SplittableRandom(options.seed().getAsLong()) : new SplittableRandom();
        this.candidates = new long[options.temperature() == 0 ? 0 : vocabulary];
    }

    /** Tells the sampler of a token of prompt or answer. */
    void see(int id) {
        if (options.repetitionPenalty() != 1 && !seen.get(id)) {
            seen.set(id);
            if (seenCount == seenIds.length) {
                seenIds = Arrays.copyOf(seenIds, 2 * seenCount);
            }
            seenIds[seenCount++] = id;
        }
    }

    /**
     * The next token. Changes {@code logits}.
     *
     * @throws IllegalStateException if the constraint leaves no token, or a logit is not a number
     */
    int choose(float[] logits) {
        float penalty = (float) options.repetitionPenalty();
        for (int i = 0; i < seenCount; i++) {
            float logit = logits[seenIds[i]];
            logits[seenIds[i]] = logit < 0 ? logit * penalty : logit / penalty;
        }
        for (int id : suppressed) {
            logits[id] = Float.NEGATIVE_INFINITY;
        }
        constraint.mask(logits);
        int likeliest = largest(logits);
        int id = options.temperature() == 0 ? likeliest : draw(logits, logits[likeliest]);
        constraint.accept(id);
        return id;
    }

    /** The tokens among which the last draw was made, in no particular order. */
    int[] admitted() {
        int[] ids = new int[count];
        Arrays.setAll(ids, i -> id(candidates[i]));
        return ids;
    }

    /** By blocks: the greatest of a block takes vectors, its place one loop over the block that holds it. */
    private static int largest(float[] logits) {
        int block = 0;
        float largest = Float.NEGATIVE_INFINITY;
        for (int from = 0; from < logits.length; from += BLOCK) {
            float greatest = greatest(logits, from, Math.min(logits.length, from + BLOCK));
            if (greatest > largest) {
                largest = greatest;
                block = from;
            } else if (Float.isNaN(greatest)) {
                largest = Float.NaN;
                break;
            }
        }
        if (largest == Float.NEGATIVE_INFINITY) {
            throw new IllegalStateException("every logit is minus infinity: no token may come next");
        }
        if (!Float.isFinite(largest)) {
            throw new IllegalStateException(
                    "the model's logits are not finite; its weights or its adapter's are damaged");
        }
        int best = block;
        while (logits[best] != largest) {
            best++;
        }
        return best;
    }

    /** NaN if any is. */
    private static float greatest(float[] logits, int from, int to) {
        float greatest = logits[from];
        for (int i = from + 1; i < to; i++) {
            greatest = Math.max(greatest, logits[i]);
        }
        return greatest;
    }

    private int draw(float[] logits, float largest) {
        float temperature = (float) options.temperature();
        for (int i = 0; i < logits.length; i++) {
            logits[i] /= temperature;
        }
        float top = largest / temperature;
        collect(logits);
        if (options.topP() < 1) {
            keepTopP(logits, top);
        }
        double total = 0;
        int kept = 0;
        for (int i = 0; i < count; i++) {
            double weight = weight(logits[id(candidates[i])], top);
            if (weight >= options.minP()) {
                candidates[kept++] = candidates[i];
                total += weight;
            }
        }
        count = kept;
        double point = random.nextDouble() * total;
        int i = 0;
        for (; i < count - 1; i++) {
            point -= weight(logits[id(candidates[i])], top);
            if (point < 0) {
                break;
            }
        }
        return id(candidates[i]);
    }

    /**
     * Makes candidates of all tokens that may come, or of those that reach the k-th largest logit: ties with it stay,
     * as in Hugging Face's.
     */
    private void collect(float[] logits) {
        int k = options.topK();
        float floor = k == 0 || k >= logits.length ? Float.NEGATIVE_INFINITY : kthLargest(logits, k);
        count = 0;
        for (int id = 0; id < logits.length; id++) {
            if (logits[id] >= floor && logits[id] != Float.NEGATIVE_INFINITY) {
                candidates[count++] = candidate(logits[id], id);
            }
        }
    }

    private static float kthLargest(float[] logits, int k) {
        var largest = new PriorityFloats(k);
        for (float logit : logits) {
            largest.offer(logit);
        }
        return largest.smallest();
    }

    /**
     * Keeps the likeliest candidates: of all in ascending order, those go whose sum, themselves included, is at most 1
     * - p of the whole.
     */
    private void keepTopP(float[] logits, float top) {
        Arrays.fill(masses, 0);
        double total = 0;
        for (int i = 0; i < count; i++) {
            float logit = logits[id(candidates[i])];
            double weight = weight(logit, top);
            masses[bin(logit, top)] += weight;
            total += weight;
        }
        double removable = (1 - options.topP()) * total;
        double removed = 0;
        int last = BINS - 1;
        while (last > 0 && removed + masses[last] <= removable) {
            removed += masses[last--];
        }
        // Only what is left has to be sorted: with a vocabulary of 262,144 that is the difference between 20 ms and 2.
        int kept = 0;
        for (int i = 0; i < count; i++) {
            if (bin(logits[id(candidates[i])], top) <= last) {
                candidates[kept++] = candidates[i];
            }
        }
        Arrays.sort(candidates, 0, kept);
        while (kept > 1) {
            removed += weight(logits[id(candidates[kept - 1])], top);
            if (removed > removable) {
                break;
            }
            kept--;
        }
        count = kept;
    }

    private static int bin(float logit, float top) {
        return (int) Math.min(BINS - 1, (top - logit) * BINS_PER_UNIT);
    }

    /** Probability relative to the likeliest token's. */
    private static double weight(float logit, float top) {
        return Math.exp((double) logit - top);
    }

    /** Sorts by falling logit, then by rising id. */
    private static long candidate(float logit, int id) {
        int bits = Float.floatToRawIntBits(logit + 0f); // -0 becomes 0
        int rising = bits ^ bits >> 31 & Integer.MAX_VALUE;
        return (long) ~rising << 32 | id;
    }

    private static int id(long candidate) {
        return (int) candidate;
    }
}
