package dev.jemma.engine.template.value;

/** Python's binary operators on values. */
public enum BinaryOperator {
    ADD("+"),
    SUBTRACT("-"),
    MULTIPLY("*"),
    DIVIDE("/"),
    FLOOR_DIVIDE("//"),
    MODULO("%"),
    POWER("** or pow()");

    /** As Python's error messages write it. */
    final String symbol;

    BinaryOperator(String symbol) {
        this.symbol = symbol;
    }
}
