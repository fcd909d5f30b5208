package dev.jemma.engine.api;

/** Whose text a character of a rendered prompt is. */
public enum Origin {
    /** Written in the template, or a special token of the model. */
    TEMPLATE,
    /** Said or called by the assistant: trusted, and what training supervises. */
    ASSISTANT,
    /** From users, system turns, tool declarations and tool results: never read as a control token. */
    OUTSIDE
}
