/** The seam between model and hardware: whole-step operations as forward and backward pairs. */
@NullMarked
package dev.jemma.engine.kernel;

import org.jspecify.annotations.NullMarked;
