package dev.jemma.engine.kernel.cpu.base;

import com.sun.management.HotSpotDiagnosticMXBean;
import dev.jemma.engine.kernel.cpu.code.x86.CpuOverrides;
import dev.jemma.engine.kernel.cpu.code.x86.CpuOverrides.Feature;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vectors all kernels compute with: one width for the whole process, as constants that the compiler sees.
 *
 * <p>The width is the CPU's preferred one, or what {@link CpuOverrides} say. Horizontal sums are pairwise in a fixed
 * order because the order of {@code reduceLanes} is unspecified and differs between interpreted and compiled code.
 */
public final class Lanes {
    /** Vectors of f32. */
    public static final VectorSpecies<Float> FLOATS = species();
    /** Vectors of ints, as many. */
    public static final VectorSpecies<Integer> INTS = VectorSpecies.of(int.class, FLOATS.vectorShape());

    /** Floats in a vector. */
    public static final int L = FLOATS.length();

    /** Bytes in a vector. */
    public static final long BYTES = FLOATS.vectorByteSize();

    /** A float anywhere in memory. */
    public static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    /** The order of bytes in every file and all memory here. */
    public static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

    /**
     * Whether the CPU has the instruction. Without it, {@code fma} is thousands of times slower than a product and a
     * sum.
     */
    public static final boolean FMA = hasFma();

    private static final VectorSpecies<Float> QUARTER = FloatVector.SPECIES_128;

    private static final VectorShuffle<Float> SWAP_8 = swap(8);
    private static final VectorShuffle<Float> SWAP_4 = swap(4);
    private static final VectorShuffle<Float> SWAP_2 = swap(2);
    private static final VectorShuffle<Float> SWAP_1 = swap(1);

    private Lanes() {}

    private static VectorSpecies<Float> species() {
        CpuOverrides overrides = CpuOverrides.ofThisProcess();
        int preferred = Math.max(128, FloatVector.SPECIES_PREFERRED.vectorBitSize());
        int bits =
                overrides.vectorBits().orElse(overrides.lacks(Feature.AVX512) ? Math.min(256, preferred) : preferred);
        return VectorSpecies.of(float.class, VectorShape.forBitSize(bits));
    }

    private static boolean hasFma() {
        HotSpotDiagnosticMXBean vm = ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
        try {
            return vm == null || Boolean.parseBoolean(vm.getVMOption("UseFMA").getValue());
        } catch (IllegalArgumentException noSuchOption) {
            return true;
        }
    }

    private static VectorShuffle<Float> swap(int distance) {
        return VectorShuffle.fromOp(FLOATS, lane -> lane ^ (distance < L ? distance : 0));
    }

    /** The vector at a byte offset. */
    public static FloatVector load(MemorySegment s, long offset) {
        return FloatVector.fromMemorySegment(FLOATS, s, offset, ByteOrder.LITTLE_ENDIAN);
    }

    /** The same in the lanes of the mask, which alone are read; zeros in the others. */
    public static FloatVector load(MemorySegment s, long offset, VectorMask<Float> mask) {
        return FloatVector.fromMemorySegment(FLOATS, s, offset, ByteOrder.LITTLE_ENDIAN, mask);
    }

    /** The vector of ints at a byte offset. */
    public static IntVector loadInts(MemorySegment s, long offset) {
        return IntVector.fromMemorySegment(INTS, s, offset, ByteOrder.LITTLE_ENDIAN);
    }

    /** Stores at a byte offset. */
    public static void store(FloatVector v, MemorySegment s, long offset) {
        v.intoMemorySegment(s, offset, ByteOrder.LITTLE_ENDIAN);
    }

    /** The same for the lanes of the mask. */
    public static void store(FloatVector v, MemorySegment s, long offset, VectorMask<Float> mask) {
        v.intoMemorySegment(s, offset, ByteOrder.LITTLE_ENDIAN, mask);
    }

    /** Zeros. */
    public static FloatVector zero() {
        return FloatVector.zero(FLOATS);
    }

    /** The value in every lane. */
    public static FloatVector all(float value) {
        return FloatVector.broadcast(FLOATS, value);
    }

    /** The first {@code count} lanes. */
    public static VectorMask<Float> first(long count) {
        return FLOATS.indexInRange(0, count);
    }

    /** {@code a * b + c}, rounded once where the CPU can. */
    public static FloatVector fma(FloatVector a, FloatVector b, FloatVector c) {
        return FMA ? a.fma(b, c) : a.mul(b).add(c);
    }

    /** {@code a * b + c} of scalars, the bits that {@link #fma(FloatVector, FloatVector, FloatVector)} gives. */
    public static float fma(float a, float b, float c) {
        return FMA ? Math.fma(a, b, c) : a * b + c;
    }

    /** The sum of the lanes, pairwise: lanes i and i + L/2, then L/4, ... */
    public static float sum(FloatVector v) {
        if (L > 8) {
            v = v.add(v.rearrange(SWAP_8));
        }
        if (L > 4) {
            v = v.add(v.rearrange(SWAP_4));
        }
        v = v.add(v.rearrange(SWAP_2));
        return v.add(v.rearrange(SWAP_1)).lane(0);
    }

    /**
     * The sum of a stored vector's lanes, pairwise in the same order, bit for bit: for hot loops, where calls must not
     * take vectors.
     */
    public static float sum(MemorySegment s, long offset) {
        if (L == 4) {
            return sum4(s, offset);
        }
        if (L == 8) {
            return sum8(s, offset);
        }
        return sum16(s, offset);
    }

    private static float sum16(MemorySegment s, long o) {
        FloatVector a = FloatVector.fromMemorySegment(QUARTER, s, o, ByteOrder.LITTLE_ENDIAN);
        FloatVector b = FloatVector.fromMemorySegment(QUARTER, s, o + 16, ByteOrder.LITTLE_ENDIAN);
        FloatVector c = FloatVector.fromMemorySegment(QUARTER, s, o + 32, ByteOrder.LITTLE_ENDIAN);
        FloatVector d = FloatVector.fromMemorySegment(QUARTER, s, o + 48, ByteOrder.LITTLE_ENDIAN);
        FloatVector v = a.add(c).add(b.add(d));
        return v.lane(0) + v.lane(2) + (v.lane(1) + v.lane(3));
    }

    private static float sum4(MemorySegment s, long o) {
        return s.get(FLOAT, o) + s.get(FLOAT, o + 8) + (s.get(FLOAT, o + 4) + s.get(FLOAT, o + 12));
    }

    private static float sum8(MemorySegment s, long o) {
        float a = s.get(FLOAT, o) + s.get(FLOAT, o + 16);
        float b = s.get(FLOAT, o + 4) + s.get(FLOAT, o + 20);
        float c = s.get(FLOAT, o + 8) + s.get(FLOAT, o + 24);
        float d = s.get(FLOAT, o + 12) + s.get(FLOAT, o + 28);
        return a + c + (b + d);
    }

    /** The greatest lane. */
    public static float max(FloatVector v) {
        if (L > 8) {
            v = v.max(v.rearrange(SWAP_8));
        }
        if (L > 4) {
            v = v.max(v.rearrange(SWAP_4));
        }
        v = v.max(v.rearrange(SWAP_2));
        return v.max(v.rearrange(SWAP_1)).lane(0);
    }

    /** The even elements of 2 L bf16 loaded as L ints: the lower halves, widened exactly. */
    public static FloatVector evenBf16(IntVector pairs) {
        return pairs.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
    }

    /** The odd elements of 2 L bf16 loaded as L ints. */
    public static FloatVector oddBf16(IntVector pairs) {
        return pairs.and(0xFFFF0000).reinterpretAsFloats();
    }

    /** To nearest even, values that bf16 can hold; for finite ones. */
    public static FloatVector roundedToBf16(FloatVector x) {
        IntVector bits = x.reinterpretAsInts();
        IntVector odd = bits.lanewise(VectorOperators.LSHR, 16).and(1);
        return bits.add(odd).add(0x7FFF).and(0xFFFF0000).reinterpretAsFloats();
    }

    /** The even elements of 2 L binary16 loaded as L ints, widened exactly. */
    public static FloatVector evenF16(IntVector pairs) {
        return halfToFloat(pairs.and(0xFFFF));
    }

    /** The odd elements of 2 L binary16 loaded as L ints. */
    public static FloatVector oddF16(IntVector pairs) {
        return halfToFloat(pairs.lanewise(VectorOperators.LSHR, 16));
    }

    /**
     * Binary16 to binary32, exactly: exponent and fraction move into place and the product with 2^112 corrects the
     * bias, of subnormals too; infinities and NaN get the full exponent.
     */
    private static FloatVector halfToFloat(IntVector half) {
        IntVector magnitude = half.and(0x7FFF).lanewise(VectorOperators.LSHL, 13);
        IntVector finite = magnitude.reinterpretAsFloats().mul(0x1p112f).reinterpretAsInts();
        VectorMask<Integer> special = half.and(0x7C00).eq(0x7C00);
        IntVector sign = half.and(0x8000).lanewise(VectorOperators.LSHL, 16);
        return finite.blend(magnitude.or(0x7F800000), special).or(sign).reinterpretAsFloats();
    }
}
