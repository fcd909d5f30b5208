/** x86-64 itself: how instructions are encoded, how functions get into memory and are called, and what the CPU has. */
@NullMarked
package dev.jemma.engine.kernel.cpu.code.x86;

import org.jspecify.annotations.NullMarked;
