/** Operations on rows and on elements: norms, lookups, rotations, activations, the loss, the optimizer. */
@NullMarked
package dev.jemma.engine.kernel.cpu.row;

import org.jspecify.annotations.NullMarked;
