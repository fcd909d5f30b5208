package dev.jemma.agent;

import dev.jemma.agent.bind.Invocation;
import java.util.Objects;

/**
 * Asked before a tool runs, with its arguments already bound. Called on the thread that asked the question; may block.
 */
@FunctionalInterface
public interface Approval {
    /** Everything may run. */
    Approval ALLOW_ALL = invocation -> new Decision.Allow();

    /** Whether this call may run. */
    Decision decide(Invocation invocation);

    /** Yes, or no with a reason. */
    sealed interface Decision {
        /** It may run. */
        record Allow() implements Decision {}

        /** It may not; the model is told why. */
        record Deny(String reason) implements Decision {
            public Deny {
                Objects.requireNonNull(reason, "reason");
            }
        }
    }
}
