/**
 * Machine code written at run time, for instructions that the Vector API does not reach: dot products of bf16 pairs and of int8 quadruples.
 *
 * <p>{@link dev.jemma.engine.kernel.cpu.code.Assembler} encodes, {@link dev.jemma.engine.kernel.cpu.code.CodeMemory} makes the
 * bytes executable (never writable at the same time), {@link dev.jemma.engine.kernel.cpu.code.CpuFeatures} says what the CPU has,
 * and each kernel is one generator. Linux on x86-64; elsewhere, and where the system forbids it, the Vector API computes alone.
 */
@NullMarked
package dev.jemma.engine.kernel.cpu.code;

import org.jspecify.annotations.NullMarked;
