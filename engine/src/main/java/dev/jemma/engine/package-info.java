/** The facade: open a Gemma, hold sessions with it, fine-tune it. */
@NullMarked
package dev.jemma.engine;

import org.jspecify.annotations.NullMarked;
