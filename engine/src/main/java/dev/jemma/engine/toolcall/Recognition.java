package dev.jemma.engine.toolcall;

/** How a reader tells a marker from text that only looks like one. */
public enum Recognition {
    /**
     * By spelling. For vocabularies without the markers, and for stored answers; never for text that a model did not
     * generate.
     */
    TEXT,
    /**
     * By token: only what came through {@link CallReader#control} is a marker, so prose that spells one stays prose.
     */
    TOKENS
}
