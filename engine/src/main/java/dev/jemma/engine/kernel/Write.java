package dev.jemma.engine.kernel;

/** What an operation does with what its output already holds. */
public enum Write {
    /** The output's old content is not read. */
    SET,
    /** The result is added to the output's content. */
    ADD
}
