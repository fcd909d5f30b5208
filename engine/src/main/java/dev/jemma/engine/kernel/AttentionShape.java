package dev.jemma.engine.kernel;

/**
 * How a layer attends.
 *
 * @param heads query heads
 * @param keyValueHeads key and value heads; divides {@code heads}, query head h reads key head
 *     {@code h / (heads / keyValueHeads)}
 * @param headDim elements a head
 * @param scale factor of the scores: {@code query_pre_attn_scalar^-0.5}
 * @param softcap scores become {@code softcap * tanh(score / softcap)} after scaling; 0 = none
 * @param window a query at position p sees positions {@code p - window + 1 .. p}; 0 = all of {@code 0 .. p}
 */
public record AttentionShape(int heads, int keyValueHeads, int headDim, float scale, float softcap, int window) {
    public AttentionShape {
        if (heads < 1 || keyValueHeads < 1 || heads % keyValueHeads != 0 || headDim < 2 || headDim % 2 != 0) {
            throw new IllegalArgumentException(
                    heads + " heads over " + keyValueHeads + " key-value heads of " + headDim + " elements");
        }
        if (softcap < 0 || window < 0) {
            throw new IllegalArgumentException("softcap " + softcap + ", window " + window);
        }
    }

    /** The first position that a query at {@code position} sees. */
    public int firstVisible(int position) {
        return window == 0 ? 0 : Math.max(0, position - window + 1);
    }
}
