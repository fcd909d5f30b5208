package dev.jemma.engine.kernel.cpu.code.x86;

import dev.jemma.engine.kernel.cpu.code.x86.CpuOverrides.Feature;
import dev.jemma.engine.kernel.cpu.code.x86.CpuOverrides.MachineCode;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/**
 * What this CPU can do and the operating system allows, as CPUID says, less what {@link CpuOverrides} take away.
 *
 * @param avx512 foundation, byte-and-word, and vector-length parts of AVX-512, with the system saving their registers
 * @param bf16 dot products of bf16 pairs (AVX512_BF16)
 * @param vnni dot products of int8 quadruples (AVX512_VNNI)
 * @param vbmi permutations of bytes (AVX512_VBMI)
 * @param signature what tells CPUs of different kinds apart: vendor, family, model, stepping and feature words,
 *     and what was taken away
 * @param obstacle why none of this can be used, for people; empty if it can
 */
public record CpuFeatures(boolean avx512, boolean bf16, boolean vnni, boolean vbmi, String signature, String obstacle) {
    /** Bit of CPUID.1:ECX: the system uses XSAVE, and XGETBV may be executed. */
    private static final int OSXSAVE = 27;

    /** Bits of XCR0: the system saves the registers of SSE, AVX and AVX-512. */
    private static final long AVX512_STATE = 0xE6;

    private static final CpuFeatures DETECTED = detect();

    /** This machine's. */
    public static CpuFeatures ofThisMachine() {
        return DETECTED;
    }

    private static CpuFeatures detect() {
        CpuOverrides overrides = CpuOverrides.ofThisProcess();
        if (overrides.machineCode() == MachineCode.OFF) {
            return none("no machine code");
        }
        if (overrides.lacks(Feature.AVX512)) {
            return none("no AVX-512");
        }
        Optional<String> obstacle = CodeMemory.obstacle();
        if (obstacle.isPresent()) {
            return none(obstacle.get());
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment[] functions = CodeMemory.publish(List.of(cpuid(), xgetbv()));
            MemorySegment out = arena.allocate(16, 4);
            return read(functions[0], functions[1], out).less(overrides);
        } catch (UnsupportedOperationException hardened) {
            return none(String.valueOf(hardened.getMessage()));
        }
    }

    /** Nothing that the Vector API does not use by itself. */
    private static CpuFeatures none(String obstacle) {
        return new CpuFeatures(false, false, false, false, "unknown", obstacle);
    }

    private CpuFeatures less(CpuOverrides overrides) {
        StringBuilder name = new StringBuilder(signature);
        overrides.without().forEach(feature -> name.append("-no-").append(feature.key()));
        return new CpuFeatures(
                avx512,
                bf16 && !overrides.lacks(Feature.BF16),
                vnni && !overrides.lacks(Feature.VNNI),
                vbmi && !overrides.lacks(Feature.VBMI),
                name.toString(),
                obstacle);
    }

    private static CpuFeatures read(MemorySegment cpuid, MemorySegment xgetbv, MemorySegment out) {
        int[] vendor = ask(cpuid, out, 0, 0);
        int[] model = ask(cpuid, out, 1, 0);
        boolean saved =
                bit(model[2], OSXSAVE) && (ShortCall.run(xgetbv, 0, 0, 0, 0, 0, 0) & AVX512_STATE) == AVX512_STATE;
        int leaves = vendor[0];
        int[] seven = leaves >= 7 ? ask(cpuid, out, 7, 0) : new int[4];
        int[] sevenOne = leaves >= 7 && seven[0] >= 1 ? ask(cpuid, out, 7, 1) : new int[4];
        boolean avx512 = saved && bit(seven[1], 16) && bit(seven[1], 30) && bit(seven[1], 31);
        String signature = "%s-%08x-%08x-%08x-%08x"
                .formatted(name(vendor).replaceAll("\\W", ""), model[0], seven[1], seven[2], sevenOne[0]);
        return new CpuFeatures(
                avx512,
                avx512 && bit(sevenOne[0], 5),
                avx512 && bit(seven[2], 11),
                avx512 && bit(seven[2], 1),
                signature,
                avx512 ? "" : "this CPU or system has no AVX-512");
    }

    private static boolean bit(int word, int index) {
        return (word >>> index & 1) != 0;
    }

    /** The twelve letters of the vendor: EBX, EDX, ECX. */
    private static String name(int[] leaf) {
        byte[] letters = new byte[12];
        int[] words = {leaf[1], leaf[3], leaf[2]};
        for (int i = 0; i < 12; i++) {
            letters[i] = (byte) (words[i / 4] >> 8 * (i % 4));
        }
        return new String(letters, StandardCharsets.US_ASCII);
    }

    private static int[] ask(MemorySegment cpuid, MemorySegment out, long leaf, long subleaf) {
        ShortCall.run(cpuid, leaf, subleaf, out.address(), 0, 0, 0);
        return out.toArray(ValueLayout.JAVA_INT);
    }

    /** {@code void cpuid(leaf, subleaf, out)}: four dwords. */
    private static byte[] cpuid() {
        return Function.withoutVectors((x, leaf, subleaf, out, _, _, _) -> {
            Gp kept = Gp.R8;
            Gp to = leaf;
            x.push(Gp.RBX);
            x.mov(kept, out);
            x.mov(Gp.RAX, leaf);
            x.mov(Gp.RCX, subleaf);
            x.cpuid();
            x.mov(to, kept);
            x.movStore32(Address.at(to, 0), Gp.RAX);
            x.movStore32(Address.at(to, 4), Gp.RBX);
            x.movStore32(Address.at(to, 8), Gp.RCX);
            x.movStore32(Address.at(to, 12), Gp.RDX);
            x.pop(Gp.RBX);
        });
    }

    /** {@code long xgetbv(register)}: the lower half of what it holds. */
    private static byte[] xgetbv() {
        return Function.withoutVectors((x, register, _, _, _, _, _) -> {
            x.mov(Gp.RCX, register);
            x.xgetbv();
        });
    }
}
