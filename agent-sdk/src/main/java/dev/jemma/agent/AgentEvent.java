package dev.jemma.agent;

import dev.jemma.agent.bind.Coercion;
import dev.jemma.engine.api.ToolCall;
import dev.jemma.engine.toolcall.AppliedRepair;
import dev.jemma.engine.toolcall.CallError;
import java.time.Duration;
import java.util.List;

/**
 * What an agent does, as it does it. Events come on the thread that asked; a listener's exception ends the question.
 */
public sealed interface AgentEvent {
    /** A question was asked. */
    record Asked(String question) implements AgentEvent {}

    /** The model wrote text outside of calls. */
    record Text(String text) implements AgentEvent {}

    /** The model began to write a call. */
    record CallBegun() implements AgentEvent {}

    /** The model wrote what should have been a call. */
    record CallMalformed(CallError error, String raw) implements AgentEvent {}

    /** The model's turn is over. */
    record ModelAnswered(LanguageModel.Finish finish, LanguageModel.Usage usage) implements AgentEvent {}

    /**
     * A tool is about to run.
     *
     * @param coercions what was accepted to bind its arguments
     * @param repairs what was forgiven to read the call
     */
    record ToolStarted(String id, ToolCall call, List<Coercion> coercions, List<AppliedRepair> repairs)
            implements AgentEvent {
        public ToolStarted {
            coercions = List.copyOf(coercions);
            repairs = List.copyOf(repairs);
        }
    }

    /** A call is answered; it need not have run. */
    record ToolFinished(String id, ToolCall call, ToolOutcome outcome, Duration time) implements AgentEvent {}

    /** A limit was reached; a last turn without tools follows, if policy has it so. */
    record LimitReached(String limit) implements AgentEvent {}

    /** The answer does not bind to the type asked for; the model is asked again. */
    record AnswerRejected(String text, String problem) implements AgentEvent {}

    /** The question is answered. */
    record Answered(Answer answer) implements AgentEvent {}
}
