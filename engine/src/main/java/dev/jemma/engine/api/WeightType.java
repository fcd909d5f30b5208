package dev.jemma.engine.api;

/**
 * In which form a model computes with its weights of two dimensions. Norms stay as they are stored, whatever is chosen.
 */
public enum WeightType {
    /** As they are stored, which is exact; BF16 where no kernel knows the stored type. */
    AUTO,
    /** BF16: f32 weights are rounded, quantized ones widened; F16, as small and with more digits, stays. */
    BF16,
    /** Q8_0: half the bytes of BF16. What is stored smaller stays. */
    Q8,
    /**
     * Q, O, gate and up projections Q4_0; key, value and down projections, embedding and head Q8_0, because 4 bits in
     * those few cost more than in all the others (llama.cpp's Q4_K_M spares value and down projections likewise). What
     * is stored smaller stays.
     */
    Q4;

    /**
     * Reads {@code auto}, {@code bf16}, {@code q8} or {@code q4}.
     *
     * @throws IllegalArgumentException for anything else
     */
    public static WeightType parse(String text) {
        return Spelling.read(WeightType.class, "weights", text);
    }

    /** As in options: {@code q8}. */
    @Override
    public String toString() {
        return Spelling.of(this);
    }
}
