package dev.jemma.engine.api;

import java.util.Locale;

/** Why a generation ended. */
public enum FinishReason {
    /** The model ended its answer, or a stop string was met. */
    STOP,
    /** As many tokens as were allowed. */
    LENGTH,
    /** The model ended its answer with calls of tools. */
    TOOL_CALL,
    /** The context is full. */
    CONTEXT,
    /** Somebody cancelled it. */
    CANCELLED;

    /** The word in JSON: {@code stop}, {@code length}, {@code tool_call}, {@code context}, {@code cancelled}. */
    public String json() {
        return name().toLowerCase(Locale.ROOT);
    }
}
