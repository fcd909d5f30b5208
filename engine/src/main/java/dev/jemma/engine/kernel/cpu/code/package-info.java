/**
 * Machine code written at run time: for instructions that the Vector API does not reach (dot products of bf16 pairs and
 * of int8 quadruples), and for what must be fast before C2 has compiled anything. Linux on x86-64 with AVX-512;
 * elsewhere, and where the system forbids it, the Vector API computes alone. Each class is a few functions: public
 * methods that call them, and package-private ones that write their bytes. What they are written with, {@code x86},
 * knows nothing of kernels.
 *
 * <p><b>One function from the call to the bytes, {@link dev.jemma.engine.kernel.cpu.code.Elements#add}.</b> A kernel
 * calls it with addresses that were checked, and it makes a native call of six longs, whose transition to native code
 * costs some nanoseconds:
 *
 * {@snippet :
 *     public static void add(long out, long a, long b, long count) {
 *         ShortCall.run(FUNCTIONS[0], out, a, b, count, 0, 0);
 *     }
 * }
 *
 * <p>The function was written when the class was initialized. A lambda's parameters name its arguments, here registers
 * RDI, RSI, RDX and RCX; numbers are vector registers. {@code forEach} writes the loop, and the body three times: for
 * four vectors a step, for one, and for the last elements under a mask.
 *
 * {@snippet :
 *     static byte[] sum() {
 *         return Function.of((x, out, a, b, count, _, _) -> {
 *             Floats f = new Floats(x);
 *             f.forEach(count, 4, (i, mask) -> {
 *                 f.load(i, Floats.in(a, i), mask);
 *                 f.load(4 + i, Floats.in(b, i), mask);
 *                 f.add(i, i, 4 + i);
 *                 f.store(Floats.in(out, i), i, mask);
 *             });
 *         });
 *     }
 * }
 *
 * <p>Every line calls the {@code Assembler}, which appends an instruction's bytes. Those of the loop with one vector a
 * step, disassembled:
 *
 * <pre>
 *   a9: 62 b1 7c 48 10 04 16  vmovups zmm0,ZMMWORD PTR [rsi+r10*1]
 *   b0: 62 b1 7c 48 10 24 12  vmovups zmm4,ZMMWORD PTR [rdx+r10*1]
 *   b7: 62 f1 7c 48 58 c4     vaddps zmm0,zmm0,zmm4
 *   bd: 62 b1 7c 48 11 04 17  vmovups ZMMWORD PTR [rdi+r10*1],zmm0
 *   c4: 49 81 c2 40 00 00 00  add r10,0x40
 *   cb: 49 ff cb              dec r11
 *   ce: 0f 85 d5 ff ff ff     jne 0xa9
 * </pre>
 *
 * <p>In {@code 62 f1 7c 48 58 c4}, 62 begins an EVEX instruction; f1 says that no register is above 7 and that the
 * opcode is of map 0F, 7c that the second operand is vector 0, 48 that vectors have 512 bits and no mask; 58 is VADDPS,
 * whose row of {@code Evex} has these fields; c4 names vectors 0 and 4.
 *
 * <p>{@code CodeMemory.publish} copies the bytes of a class's functions to memory of their own, makes it executable and
 * no longer writable, and gives the addresses: {@code FUNCTIONS}.
 */
@NullMarked
package dev.jemma.engine.kernel.cpu.code;

import org.jspecify.annotations.NullMarked;
