/** What may come next in an answer: constraints on tokens, such as the grammar of tool calls. */
@NullMarked
package dev.jemma.engine.constraint;

import org.jspecify.annotations.NullMarked;
