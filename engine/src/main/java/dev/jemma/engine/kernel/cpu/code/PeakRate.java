package dev.jemma.engine.kernel.cpu.code;

import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V512;

import dev.jemma.engine.kernel.cpu.code.x86.Assembler;
import dev.jemma.engine.kernel.cpu.code.x86.CodeMemory;
import dev.jemma.engine.kernel.cpu.code.x86.CpuFeatures;
import dev.jemma.engine.kernel.cpu.code.x86.Evex;
import dev.jemma.engine.kernel.cpu.code.x86.Function;
import dev.jemma.engine.kernel.cpu.code.x86.ShortCall;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;

/**
 * How many operations per second one core does of an instruction, with nothing in its way: the ceiling of every kernel
 * made of it, found in some milliseconds. A product and a sum are two operations.
 */
public enum PeakRate {
    /** VFMADD231PS on 512 bits. */
    F32_FMA(Evex.VFMADD231PS, 32),
    /** VDPBF16PS on 512 bits. */
    BF16_DOT(Evex.VDPBF16PS, 64),
    /** VPDPBUSD on 512 bits. */
    INT8_DOT(Evex.VPDPBUSD, 128);

    private static final int CHAINS = 24;
    private static final long STEPS = 2_000;
    private static final int RUNS = 200;

    private final Evex instruction;
    private final int operations;

    PeakRate(Evex instruction, int operations) {
        this.instruction = instruction;
        this.operations = operations;
    }

    /** Whether this CPU has the instruction, and code can be run. */
    public boolean available() {
        CpuFeatures cpu = CpuFeatures.ofThisMachine();
        return switch (this) {
            case F32_FMA -> cpu.avx512();
            case BF16_DOT -> cpu.bf16();
            case INT8_DOT -> cpu.vnni();
        };
    }

    /** Operations a second of the calling thread at its best; empty without the instruction. */
    public OptionalDouble measure() {
        if (!available()) {
            return OptionalDouble.empty();
        }
        MemorySegment function = CodeMemory.publish(List.of(generate()))[0];
        List<Long> times = new ArrayList<>();
        for (int i = 0; i < RUNS; i++) {
            long start = System.nanoTime();
            ShortCall.run(function, STEPS, 0, 0, 0, 0, 0);
            times.add(System.nanoTime() - start);
        }
        long best = times.stream().mapToLong(Long::longValue).min().orElseThrow();
        return OptionalDouble.of((double) CHAINS * STEPS * operations * 1e9 / best);
    }

    /** {@code void chains(steps)}: independent sums of zeros, whose values take no longer than others. */
    private byte[] generate() {
        return Function.of((x, steps, _, _, _, _, _) -> {
            for (int i = 0; i < 32; i++) {
                x.zero(i);
            }
            Assembler.Label loop = x.label();
            for (int i = 0; i < CHAINS; i++) {
                x.vector(instruction, V512, i, 30, 31);
            }
            x.decrement(steps);
            x.jumpIfNotZero(loop);
        });
    }
}
