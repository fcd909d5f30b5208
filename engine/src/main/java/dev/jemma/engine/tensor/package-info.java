/** Off-heap tensors: shape, dtype, memory. */
@NullMarked
package dev.jemma.engine.tensor;

import org.jspecify.annotations.NullMarked;
