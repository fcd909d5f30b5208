/** Products of matrices. */
@NullMarked
package dev.jemma.engine.kernel.cpu.product;

import org.jspecify.annotations.NullMarked;
