/** Weights converted to another type when a model is opened, and the user's cache of them. */
@NullMarked
package dev.jemma.engine.quantize;

import org.jspecify.annotations.NullMarked;
