/**
 * The kernels on the CPU, with a team of threads of their own: {@code CpuKernels} checks operands and calls the
 * operations of {@code attention}, {@code row} and {@code product}, which stand on {@code base} and, where the CPU
 * allows it, on {@code code}. That is one straight line; no package knows one that comes before it.
 */
@NullMarked
package dev.jemma.engine.kernel.cpu;

import org.jspecify.annotations.NullMarked;
