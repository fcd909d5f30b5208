package dev.jemma.engine.kernel.cpu.code.x86;

/**
 * The vector instructions that the kernels use, each with the fields of its EVEX encoding as the Intel SDM, volume 2,
 * lists them: mandatory prefix, opcode map, W, opcode, and what an eight-bit displacement counts in.
 */
public enum Evex {
    /** {@code d = f32 vector at m}. */
    VMOVUPS(Prefix.NONE, Map.OF, 0x10, Unit.VECTOR),
    /** {@code m = d}. */
    VMOVUPS_STORE(Prefix.NONE, Map.OF, 0x11, Unit.VECTOR),
    /** {@code m = d}, masked by words (AVX512BW). */
    VMOVDQU16_STORE(Prefix.F2, Map.OF, 1, 0x7F, Unit.VECTOR),
    /** {@code m = d}, the lowest f32. */
    VMOVSS_STORE(Prefix.F3, Map.OF, 0x11, Unit.DWORD),
    /** {@code d = a ^ b}. */
    VPXORD(Prefix.P66, Map.OF, 0xEF, Unit.VECTOR),
    /** {@code d = a | b}. */
    VPORD(Prefix.P66, Map.OF, 0xEB, Unit.VECTOR),
    /** {@code d = a & b}. */
    VPANDD(Prefix.P66, Map.OF, 0xDB, Unit.VECTOR),
    /** Every bit of d from the three bits of d, a and b by the table in an immediate byte; 0xFF: all ones. */
    VPTERNLOGD(Prefix.P66, Map.OF3A, 0x25, Unit.VECTOR),
    /** {@code d = a >> b} of dwords, each by its own count, filling with zeros. */
    VPSRLVD(Prefix.P66, Map.OF38, 0x45, Unit.VECTOR),
    /** The dwords of each 128-bit part, chosen by the pairs of bits of an immediate byte. */
    VPSHUFD(Prefix.P66, Map.OF, 0x70, Unit.VECTOR),
    /** {@code d = a * b} of dwords, the lower halves. */
    VPMULLD(Prefix.P66, Map.OF38, 0x40, Unit.VECTOR),
    /** {@code d = a + b} of dwords. */
    VPADDD(Prefix.P66, Map.OF, 0xFE, Unit.VECTOR),
    /** The greater of a and b, of signed dwords. */
    VPMAXSD(Prefix.P66, Map.OF38, 0x3D, Unit.VECTOR),
    /** In each 128-bit part, the dwords of a, then those of b, as signed words, saturated. */
    VPACKSSDW(Prefix.P66, Map.OF, 0x6B, Unit.VECTOR),
    /** {@code d = a[2 i] * b[2 i] + a[2 i + 1] * b[2 i + 1]} of signed words, as dwords. */
    VPMADDWD(Prefix.P66, Map.OF, 0xF5, Unit.VECTOR),
    /** {@code d = a + b} of f32. */
    VADDPS(Prefix.NONE, Map.OF, 0x58, Unit.VECTOR),
    /** {@code d = a - b} of f32. */
    VSUBPS(Prefix.NONE, Map.OF, 0x5C, Unit.VECTOR),
    /** {@code d = a * b} of f32. */
    VMULPS(Prefix.NONE, Map.OF, 0x59, Unit.VECTOR),
    /** {@code d += a * b} of f32, rounded once. */
    VFMADD231PS(Prefix.P66, Map.OF38, 0xB8, Unit.VECTOR),
    /** {@code d = a * d + b} of f32, rounded once. */
    VFMADD213PS(Prefix.P66, Map.OF38, 0xA8, Unit.VECTOR),
    /** {@code d = a / b} of f32. */
    VDIVPS(Prefix.NONE, Map.OF, 0x5E, Unit.VECTOR),
    /** {@code d = sqrt(b)} of f32. */
    VSQRTPS(Prefix.NONE, Map.OF, 0x51, Unit.VECTOR),
    /** The greater of a and b, of f32; b if either is NaN. */
    VMAXPS(Prefix.NONE, Map.OF, 0x5F, Unit.VECTOR),
    /** The smaller of a and b, of f32; b if either is NaN. */
    VMINPS(Prefix.NONE, Map.OF, 0x5D, Unit.VECTOR),
    /** {@code d = a * 2^floor(b)} of f32. */
    VSCALEFPS(Prefix.P66, Map.OF38, 0x2C, Unit.VECTOR),
    /** Mask d from the comparison of a and b, of f32, that an immediate byte names. */
    VCMPPS(Prefix.NONE, Map.OF, 0xC2, Unit.VECTOR),
    /** {@code d = ~a & b} of dwords. */
    VPANDND(Prefix.P66, Map.OF, 0xDF, Unit.VECTOR),
    /** {@code d = (f64) b} of f32; b is half as wide as d. */
    VCVTPS2PD(Prefix.NONE, Map.OF, 0x5A, Unit.HALF_VECTOR),
    /** {@code d = (f32) b} of f64; d is half as wide as b. */
    VCVTPD2PS(Prefix.P66, Map.OF, 1, 0x5A, Unit.VECTOR),
    /** {@code d = a + b} of f64. */
    VADDPD(Prefix.P66, Map.OF, 1, 0x58, Unit.VECTOR),
    /** {@code d = a * b} of f64. */
    VMULPD(Prefix.P66, Map.OF, 1, 0x59, Unit.VECTOR),
    /** {@code d = a / b} of f64. */
    VDIVPD(Prefix.P66, Map.OF, 1, 0x5E, Unit.VECTOR),
    /** {@code d = sqrt(b)} of f64. */
    VSQRTPD(Prefix.P66, Map.OF, 1, 0x51, Unit.VECTOR),
    /** {@code d = (int32) b} of f32, to nearest even. */
    VCVTPS2DQ(Prefix.P66, Map.OF, 0x5B, Unit.VECTOR),
    /** {@code d = (f32) b} of int32. */
    VCVTDQ2PS(Prefix.NONE, Map.OF, 0x5B, Unit.VECTOR),
    /** In each 128-bit part, the lower dwords of a and b in turn. */
    VPUNPCKLDQ(Prefix.P66, Map.OF, 0x62, Unit.VECTOR),
    /** In each 128-bit part, the upper dwords of a and b in turn. */
    VPUNPCKHDQ(Prefix.P66, Map.OF, 0x6A, Unit.VECTOR),
    /** In each 128-bit part, the lower qword of a, then of b. */
    VPUNPCKLQDQ(Prefix.P66, Map.OF, 1, 0x6C, Unit.VECTOR),
    /** In each 128-bit part, the upper qword of a, then of b. */
    VPUNPCKHQDQ(Prefix.P66, Map.OF, 1, 0x6D, Unit.VECTOR),
    /** Two 128-bit parts of a, then two of b, chosen by the pairs of bits of an immediate byte. */
    VSHUFI32X4(Prefix.P66, Map.OF3A, 0x43, Unit.VECTOR),
    /** {@code d} = the signed bytes at b, each as a dword; b is a quarter as wide as d. */
    VPMOVSXBD(Prefix.P66, Map.OF38, 0x21, Unit.QUARTER_VECTOR),
    /** {@code d} = the unsigned bytes at b, each as a dword; b is a quarter as wide as d. */
    VPMOVZXBD(Prefix.P66, Map.OF38, 0x31, Unit.QUARTER_VECTOR),
    /** {@code d} = the words at b, each as a dword; b is half as wide as d. */
    VPMOVZXWD(Prefix.P66, Map.OF38, 0x33, Unit.HALF_VECTOR),
    /** Stores the lower dword of every qword. */
    VPMOVQD_STORE(Prefix.F3, Map.OF38, 0x35, Unit.HALF_VECTOR),
    /** Stores every dword as a signed byte, saturated. */
    VPMOVSDB_STORE(Prefix.F3, Map.OF38, 0x21, Unit.QUARTER_VECTOR),
    /** Every 128-bit part the one at m. */
    VBROADCASTI32X4(Prefix.P66, Map.OF38, 0x5A, Unit.PART),
    /** Every lane the dword at m. */
    VPBROADCASTD(Prefix.P66, Map.OF38, 0x58, Unit.DWORD),
    /** Every qword the one at m. */
    VPBROADCASTQ(Prefix.P66, Map.OF38, 1, 0x59, Unit.QWORD),
    /** Every lane the general-purpose register b. */
    VPBROADCASTD_GP(Prefix.P66, Map.OF38, 0x7C, Unit.DWORD),
    /** Every qword the general-purpose register b. */
    VPBROADCASTQ_GP(Prefix.P66, Map.OF38, 1, 0x7C, Unit.QWORD),
    /** The general-purpose register b = the lowest dword of d; for 128 bits. */
    VMOVD_TO_GP(Prefix.P66, Map.OF, 0x7E, Unit.DWORD),
    /** The general-purpose register b = the lowest qword of d; for 128 bits. */
    VMOVQ_TO_GP(Prefix.P66, Map.OF, 1, 0x7E, Unit.QWORD),
    /** Every lane the word at m (AVX512BW). */
    VPBROADCASTW(Prefix.P66, Map.OF38, 0x79, Unit.WORD),
    /** {@code d = (f32) b} of f16; b is half as wide as d. */
    VCVTPH2PS(Prefix.P66, Map.OF38, 0x13, Unit.HALF_VECTOR),
    /** {@code d = (bf16) b} of f32, to nearest even; d is half as wide as b (AVX512_BF16). */
    VCVTNEPS2BF16(Prefix.F3, Map.OF38, 0x72, Unit.VECTOR),
    /** {@code d += a[2 i] * b[2 i] + a[2 i + 1] * b[2 i + 1]} of bf16, in f32 (AVX512_BF16). */
    VDPBF16PS(Prefix.F3, Map.OF38, 0x52, Unit.VECTOR),
    /** The byte of b that each byte of a, 0 to 63, is the number of (AVX512_VBMI). */
    VPERMB(Prefix.P66, Map.OF38, 0x8D, Unit.VECTOR),
    /**
     * {@code d += sum of a[4 i + j] * b[4 i + j], j = 0 .. 3} in int32; a holds unsigned bytes, b signed ones
     * (AVX512_VNNI).
     */
    VPDPBUSD(Prefix.P66, Map.OF38, 0x50, Unit.VECTOR);

    /** Mandatory prefixes, in the order of their two-bit code. */
    enum Prefix {
        NONE,
        P66,
        F3,
        F2
    }

    /** Opcode maps, in the order of their three-bit code, from 1. */
    enum Map {
        OF,
        OF38,
        OF3A
    }

    /** What an eight-bit displacement counts in. */
    enum Unit {
        VECTOR,
        HALF_VECTOR,
        QUARTER_VECTOR,
        PART,
        QWORD,
        DWORD,
        WORD
    }

    private final Prefix prefix;
    private final Map map;
    private final int w;
    private final int opcode;
    private final Unit unit;

    Evex(Prefix prefix, Map map, int opcode, Unit unit) {
        this(prefix, map, 0, opcode, unit);
    }

    Evex(Prefix prefix, Map map, int w, int opcode, Unit unit) {
        this.prefix = prefix;
        this.map = map;
        this.w = w;
        this.opcode = opcode;
        this.unit = unit;
    }

    int prefixCode() {
        return prefix.ordinal();
    }

    int mapCode() {
        return map.ordinal() + 1;
    }

    int w() {
        return w;
    }

    int opcode() {
        return opcode;
    }

    /** Bytes that an eight-bit displacement counts in, for vectors of {@code vectorBytes} bytes. */
    int unitBytes(int vectorBytes) {
        return switch (unit) {
            case VECTOR -> vectorBytes;
            case HALF_VECTOR -> vectorBytes / 2;
            case QUARTER_VECTOR -> vectorBytes / 4;
            case PART -> 16;
            case QWORD -> 8;
            case DWORD -> 4;
            case WORD -> 2;
        };
    }
}
