/** Conversations as prompts: the model's template, tools for templates that know none, and what of a prompt is supervised. */
@NullMarked
package dev.jemma.engine.chat;

import org.jspecify.annotations.NullMarked;
