package dev.jemma.engine.kernel.cpu.code.x86;

import dev.jemma.engine.kernel.cpu.code.x86.CpuOverrides.Feature;
import dev.jemma.engine.kernel.cpu.code.x86.CpuOverrides.MachineCode;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
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
            Linker linker = Linker.nativeLinker();
            MemorySegment[] entries = CodeMemory.publish(List.of(cpuidFunction(), xgetbvFunction()));
            MethodHandle cpuid = linker.downcallHandle(
                    entries[0],
                    FunctionDescriptor.ofVoid(ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.ADDRESS));
            MethodHandle xgetbv = linker.downcallHandle(
                    entries[1], FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
            MemorySegment out = arena.allocate(16, 4);
            return read(cpuid, xgetbv, out).less(overrides);
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

    private static CpuFeatures read(MethodHandle cpuid, MethodHandle xgetbv, MemorySegment out) {
        int[] vendor = ask(cpuid, out, 0, 0);
        int[] model = ask(cpuid, out, 1, 0);
        boolean saved = bit(model[2], OSXSAVE) && (ask(xgetbv) & AVX512_STATE) == AVX512_STATE;
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

    private static int[] ask(MethodHandle cpuid, MemorySegment out, long leaf, long subleaf) {
        try {
            cpuid.invokeExact(leaf, subleaf, out);
        } catch (Throwable e) {
            throw new IllegalStateException("cpuid", e);
        }
        return out.toArray(ValueLayout.JAVA_INT);
    }

    private static long ask(MethodHandle xgetbv) {
        try {
            return (long) xgetbv.invokeExact(0L);
        } catch (Throwable e) {
            throw new IllegalStateException("xgetbv", e);
        }
    }

    /** {@code void cpuid(long leaf, long subleaf, int out[4])}. */
    private static byte[] cpuidFunction() {
        Assembler a = new Assembler();
        a.push(Gp.RBX);
        a.mov(Gp.R8, Gp.RDX);
        a.mov(Gp.RAX, Gp.RDI);
        a.mov(Gp.RCX, Gp.RSI);
        a.cpuid();
        a.mov(Gp.RDI, Gp.R8);
        a.movStore32(Address.at(Gp.RDI, 0), Gp.RAX);
        a.movStore32(Address.at(Gp.RDI, 4), Gp.RBX);
        a.movStore32(Address.at(Gp.RDI, 8), Gp.RCX);
        a.movStore32(Address.at(Gp.RDI, 12), Gp.RDX);
        a.pop(Gp.RBX);
        a.ret();
        return a.bytes();
    }

    /** {@code long xgetbv(long register)}; the lower half of the result. */
    private static byte[] xgetbvFunction() {
        Assembler a = new Assembler();
        a.mov(Gp.RCX, Gp.RDI);
        a.xgetbv();
        a.ret();
        return a.bytes();
    }
}
