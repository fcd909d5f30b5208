package dev.jemma.engine.eval;

import java.util.List;
import java.util.OptionalDouble;

/**
 * A model's answers, judged.
 *
 * @param verdicts in the order of the rows; fewer than rows if it was cancelled
 * @param tokensPerSecond new tokens per second of all answers together, prompts included in the time
 * @param finished whether every row was answered
 */
public record EvalResult(List<Verdict> verdicts, double tokensPerSecond, boolean finished) {
    public EvalResult {
        verdicts = List.copyOf(verdicts);
    }

    /** What the verdicts add up to. */
    public EvalReport report() {
        return EvalReport.of(verdicts, OptionalDouble.of(tokensPerSecond));
    }
}
