/** Gemma 1, 2 and 3: config, weights, and one forward with its hand-written backward. */
@NullMarked
package dev.jemma.engine.gemma;

import org.jspecify.annotations.NullMarked;
