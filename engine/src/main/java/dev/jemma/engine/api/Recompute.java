package dev.jemma.engine.api;

/** What a training step computes a second time instead of keeping it; the numbers are the same, bit for bit. */
public enum Recompute {
    /**
     * No block: fastest. Norms and products that cost next to nothing are computed again all the same, about 46 kB per
     * token in a layer of Gemma 3 270M.
     */
    NEVER,
    /** Whole blocks, from their inputs: a third more work, a fraction of the memory. */
    BLOCKS
}
