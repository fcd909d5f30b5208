package dev.jemma.engine.kernel.cpu.product;

/** How an operand of a product of matrices is stored. */
public enum Order {
    /** Its rows are those of the formula. */
    PLAIN,
    /** The tensor holds the transpose. */
    TRANSPOSED
}
