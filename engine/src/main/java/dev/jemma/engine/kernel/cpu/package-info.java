/** The kernels on the CPU, with the Vector API and a thread team of their own. */
@NullMarked
package dev.jemma.engine.kernel.cpu;

import org.jspecify.annotations.NullMarked;
