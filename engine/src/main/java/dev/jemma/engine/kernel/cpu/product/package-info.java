/**
 * Products of matrices. {@code Products} is the only door: its tables say which of these classes computes what. Gemm is
 * a product of many rows, Gemv of a few; "panel" means packed weights, "thin" that one side is a rank. Attention has
 * products of its own, over {@code Tiles} and {@code Pack}.
 */
@NullMarked
package dev.jemma.engine.kernel.cpu.product;

import org.jspecify.annotations.NullMarked;
