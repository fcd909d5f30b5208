package dev.jemma.engine.api;

import java.util.Locale;

/** How the learning rate changes over the steps; the names are transformers' {@code lr_scheduler_type}. */
public enum SchedulerType {
    /** The learning rate, from the first step; warmup is not applied. */
    CONSTANT,
    /** The learning rate after a linear warmup. */
    CONSTANT_WITH_WARMUP,
    /** A linear warmup, then a straight line to zero. */
    LINEAR,
    /** A linear warmup, then half a cosine to zero. */
    COSINE;

    /** The name in configuration files: {@code constant_with_warmup}. */
    public String key() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * The factor of the learning rate in a step, as transformers computes it: by the number of steps already done, so
     * that the first step of a warmup has a learning rate of zero.
     *
     * @param done steps already done, 0 for the first
     * @param warmup warmup steps
     * @param total all steps of the run
     */
    public double factor(long done, long warmup, long total) {
        if (this != CONSTANT && done < warmup) {
            return (double) done / Math.max(1, warmup);
        }
        double progress = (double) (done - warmup) / Math.max(1, total - warmup);
        return switch (this) {
            case CONSTANT, CONSTANT_WITH_WARMUP -> 1;
            case LINEAR -> Math.max(0, (double) (total - done) / Math.max(1, total - warmup));
            case COSINE -> Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress)));
        };
    }
}
