/** The mathematics of Gemma 1, 2 and 3: one forward, with its hand-written backward below it, over the seam of {@code kernel}. */
@NullMarked
package dev.jemma.engine.gemma;

import org.jspecify.annotations.NullMarked;
