/** Low-rank updates beside frozen linear maps: their products, gradients and dropout. */
@NullMarked
package dev.jemma.engine.gemma.adapter;

import org.jspecify.annotations.NullMarked;
