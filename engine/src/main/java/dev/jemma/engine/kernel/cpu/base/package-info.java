/** What every kernel stands on: the team of threads, vectors, memory, and weights as floats. */
@NullMarked
package dev.jemma.engine.kernel.cpu.base;

import org.jspecify.annotations.NullMarked;
