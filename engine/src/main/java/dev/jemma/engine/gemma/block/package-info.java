/** The mathematics of a decoder layer: each {@code forward} with its hand-written {@code backward} right below it. */
@NullMarked
package dev.jemma.engine.gemma.block;

import org.jspecify.annotations.NullMarked;
