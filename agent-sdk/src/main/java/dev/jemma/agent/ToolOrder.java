package dev.jemma.agent;

/** How the calls of one model turn run. */
public enum ToolOrder {
    /** One after the other, in the order called. */
    SEQUENTIAL,
    /** Side by side; results are given in the order called. */
    PARALLEL
}
