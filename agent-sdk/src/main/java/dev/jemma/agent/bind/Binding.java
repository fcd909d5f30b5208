package dev.jemma.agent.bind;

import dev.jemma.engine.api.ToolCall;
import dev.jemma.engine.toolcall.AppliedRepair;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** What became of a call that a model wrote: an {@link Invocation} that can be run, or a {@link Rejection}. */
public sealed interface Binding permits Invocation, Binding.Rejection {
    /** The invocation, or an exception that says why there is none. */
    default Invocation orThrow() {
        return switch (this) {
            case Invocation invocation -> invocation;
            case Rejection rejection -> throw new IllegalArgumentException(rejection.message());
        };
    }

    /**
     * A call that cannot be run.
     *
     * @param reason the class of mistake
     * @param call the call, if it could be read
     * @param problems each mistake with its path
     * @param repairs what had to be forgiven to read the call
     */
    record Rejection(Reason reason, Optional<ToolCall> call, List<BindProblem> problems, List<AppliedRepair> repairs)
            implements Binding {
        public Rejection {
            problems = List.copyOf(problems);
            repairs = List.copyOf(repairs);
        }

        /** All problems in one line, fit to be shown to the model. */
        public String message() {
            return problems.stream().map(BindProblem::message).collect(Collectors.joining("; "));
        }
    }

    /** Why a call cannot be run. */
    enum Reason {
        /** The text is no well-formed call. */
        MALFORMED,
        /** There is no such tool. */
        UNKNOWN_TOOL,
        /** The arguments do not fit the tool's parameters. */
        INVALID_ARGUMENTS
    }
}
