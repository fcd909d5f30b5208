/** Attention and its backward. */
@NullMarked
package dev.jemma.engine.kernel.cpu.attention;

import org.jspecify.annotations.NullMarked;
