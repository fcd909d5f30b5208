package dev.jemma.agent;

import java.time.Duration;

/**
 * How far a question may go.
 *
 * @param modelCalls turns of the model for one question; then one last turn without tools
 * @param toolCalls calls of tools for one question; then the same
 * @param time for one question, from asking to the last turn; then the same
 * @param toolTimeout for one call, unless the tool says otherwise; then the call is interrupted
 * @param retries how often a tool (or the names that are no tools, together) may be called wrongly and tried again
 * @param repeats how often one and the same call may be repeated; 0 or more
 * @param resultChars of a result, as JSON; what is longer is shortened in the middle
 * @param answerRetries how often the model is asked again for an answer of the wrong type
 * @param rememberedTurns questions with their answers that stay in the conversation; the oldest go first, whole
 */
public record Limits(
        int modelCalls,
        int toolCalls,
        Duration time,
        Duration toolTimeout,
        int retries,
        int repeats,
        int resultChars,
        int answerRetries,
        int rememberedTurns) {
    private static final Duration LONGEST = Duration.ofDays(36_500);

    /**
     * 10 turns, 40 calls, 10 minutes, 30 seconds a call, 2 retries, 3 repeats, 16,000 chars a result, 2 retries of an
     * answer, 50 turns.
     */
    public static final Limits DEFAULT =
            new Limits(10, 40, Duration.ofMinutes(10), Duration.ofSeconds(30), 2, 3, 16_000, 2, 50);

    public Limits {
        check(time, "time");
        check(toolTimeout, "toolTimeout");
        atLeast(1, modelCalls, "modelCalls");
        atLeast(0, toolCalls, "toolCalls");
        atLeast(0, retries, "retries");
        atLeast(0, repeats, "repeats");
        atLeast(100, resultChars, "resultChars");
        atLeast(0, answerRetries, "answerRetries");
        atLeast(0, rememberedTurns, "rememberedTurns");
    }

    private static void check(Duration value, String name) {
        if (value.isNegative() || value.compareTo(LONGEST) > 0) {
            throw new IllegalArgumentException(
                    name + " is " + value + ", wanted a duration from 0 to " + LONGEST.toDays() + " days");
        }
    }

    private static void atLeast(int least, int value, String name) {
        if (value < least) {
            throw new IllegalArgumentException(name + " is " + value + ", wanted at least " + least);
        }
    }

    /** These limits with another number of model turns. */
    public Limits withModelCalls(int value) {
        return new Limits(
                value, toolCalls, time, toolTimeout, retries, repeats, resultChars, answerRetries, rememberedTurns);
    }

    /** These limits with another number of tool calls. */
    public Limits withToolCalls(int value) {
        return new Limits(
                modelCalls, value, time, toolTimeout, retries, repeats, resultChars, answerRetries, rememberedTurns);
    }

    /** These limits with another time for a question. */
    public Limits withTime(Duration value) {
        return new Limits(
                modelCalls,
                toolCalls,
                value,
                toolTimeout,
                retries,
                repeats,
                resultChars,
                answerRetries,
                rememberedTurns);
    }

    /** These limits with another time for a call. */
    public Limits withToolTimeout(Duration value) {
        return new Limits(
                modelCalls, toolCalls, time, value, retries, repeats, resultChars, answerRetries, rememberedTurns);
    }

    /** These limits with another number of retries. */
    public Limits withRetries(int value) {
        return new Limits(
                modelCalls, toolCalls, time, toolTimeout, value, repeats, resultChars, answerRetries, rememberedTurns);
    }

    /** These limits with another number of repeats. */
    public Limits withRepeats(int value) {
        return new Limits(
                modelCalls, toolCalls, time, toolTimeout, retries, value, resultChars, answerRetries, rememberedTurns);
    }

    /** These limits with another length of results. */
    public Limits withResultChars(int value) {
        return new Limits(
                modelCalls, toolCalls, time, toolTimeout, retries, repeats, value, answerRetries, rememberedTurns);
    }

    /** These limits with another number of retries of an answer. */
    public Limits withAnswerRetries(int value) {
        return new Limits(
                modelCalls, toolCalls, time, toolTimeout, retries, repeats, resultChars, value, rememberedTurns);
    }

    /** These limits with another memory. */
    public Limits withRememberedTurns(int value) {
        return new Limits(
                modelCalls, toolCalls, time, toolTimeout, retries, repeats, resultChars, answerRetries, value);
    }
}
