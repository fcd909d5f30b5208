/**
 * Conversations: messages and tools, read from JSON in one place, and the format that makes prompts of them: the
 * model's template, tools for templates that know none, and what of a prompt is supervised.
 */
@NullMarked
package dev.jemma.engine.chat;

import org.jspecify.annotations.NullMarked;
