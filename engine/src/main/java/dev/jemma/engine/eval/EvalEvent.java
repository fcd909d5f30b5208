package dev.jemma.engine.eval;

/** What an evaluation tells while it runs, on the thread that runs it. */
public sealed interface EvalEvent {
    /** Something to know about the adapters' files. */
    record Warned(String message) implements EvalEvent {}

    /** A conversation was folded, because the template refuses it as it is; said once. */
    record Folded() implements EvalEvent {}

    /**
     * A row was answered and judged.
     *
     * @param row how many rows that makes, counted from 1
     * @param rows all rows
     * @param verdict the answer, and what is right or wrong about it
     */
    record Judged(int row, int rows, Verdict verdict) implements EvalEvent {}
}
