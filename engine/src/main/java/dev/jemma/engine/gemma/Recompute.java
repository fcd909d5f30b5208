package dev.jemma.engine.gemma;

/** What a training step computes a second time instead of keeping it; the numbers are the same, bit for bit. */
public enum Recompute {
    /** Norms and products that cost next to nothing: about 46 kB a token in a layer of Gemma 3 270M. */
    CHEAP,
    /** Whole blocks, from their inputs: a third more work, a fraction of the memory. */
    BLOCKS
}
