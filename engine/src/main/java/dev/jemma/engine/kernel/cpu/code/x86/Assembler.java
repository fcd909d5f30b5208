package dev.jemma.engine.kernel.cpu.code.x86;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Encodes the few x86-64 instructions that the kernels are made of, into a growing array of bytes. Vectors are named by
 * number, 0 to 31; operands are in the order of Intel's manuals, destination first.
 *
 * <p>Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, 2.7 (EVEX) and the instructions'
 * pages.
 */
public final class Assembler {
    /** Widths of vectors, in the order of the EVEX length code. */
    public enum Width {
        V128,
        V256,
        V512;

        /** Bytes of a vector. */
        public int bytes() {
            return 16 << ordinal();
        }
    }

    /** A mask register that is not used: all lanes. */
    public static final int ALL = 0;

    private byte[] code = new byte[1024];
    private int size;
    private int pushed;

    /** A place in the code, to jump back to. */
    public record Label(int at) {}

    /** A jump forward, whose target is not known yet: {@link #land}. */
    public record Jump(int from) {}

    /** How f32 are compared, by the code of the instruction. Nothing is equal to a NaN or less than it. */
    public enum Comparison {
        EQUAL(0),
        LESS(1),
        NOT_LESS(5);

        private final int code;

        Comparison(int code) {
            this.code = code;
        }
    }

    /** What was written so far. */
    public byte[] bytes() {
        return Arrays.copyOf(code, size);
    }

    /** The place where the code has got to. */
    public Label label() {
        return new Label(size);
    }

    // ---- general-purpose instructions, 64 bits wide

    /** {@code to = from}. */
    public void mov(Gp to, Gp from) {
        rex(from.ordinal(), 0, to.ordinal());
        put(0x89);
        modRegister(from.ordinal(), to.ordinal());
    }

    /** Loads 64 bits. */
    public void mov(Gp to, Address from) {
        rex(to.ordinal(), from.index().map(Enum::ordinal).orElse(0), from.base().ordinal());
        put(0x8B);
        memory(to.ordinal(), from, 1);
    }

    /** Stores 64 bits. */
    public void movStore(Address to, Gp from) {
        rex(from.ordinal(), to.index().map(Enum::ordinal).orElse(0), to.base().ordinal());
        put(0x89);
        memory(from.ordinal(), to, 1);
    }

    /** Stores the lower 32 bits. */
    public void movStore32(Address to, Gp from) {
        if (from.ordinal() > 7 || to.base().ordinal() > 7 || to.index().isPresent()) {
            throw new IllegalArgumentException("a 32-bit store has legacy registers only");
        }
        put(0x89);
        memory(from.ordinal(), to, 1);
    }

    /** {@code to = value}. */
    public void mov(Gp to, long value) {
        rex(0, 0, to.ordinal());
        put(0xB8 | to.ordinal() & 7);
        putInt((int) value);
        putInt((int) (value >> 32));
    }

    /** {@code to} = the address, which is not read. */
    public void lea(Gp to, Address of) {
        rex(to.ordinal(), of.index().map(Enum::ordinal).orElse(0), of.base().ordinal());
        put(0x8D);
        memory(to.ordinal(), of, 1);
    }

    /** {@code to += what}. */
    public void add(Gp to, Gp what) {
        rex(what.ordinal(), 0, to.ordinal());
        put(0x01);
        modRegister(what.ordinal(), to.ordinal());
    }

    /** {@code to += what}. */
    public void add(Gp to, int what) {
        rex(0, 0, to.ordinal());
        put(0x81);
        modRegister(0, to.ordinal());
        putInt(what);
    }

    /** {@code register &= bits}; sets the zero flag for {@link #jumpIfZero}. */
    public void and(Gp register, int bits) {
        rex(0, 0, register.ordinal());
        put(0x81);
        modRegister(4, register.ordinal());
        putInt(bits);
    }

    /** {@code register = 0}. */
    public void clear(Gp register) {
        rex(register.ordinal(), 0, register.ordinal());
        put(0x31);
        modRegister(register.ordinal(), register.ordinal());
    }

    /** Asks for a line to be brought to the second-level cache: PREFETCHT1. Any address will do, mapped or not. */
    public void prefetch(Address line) {
        prefetch(2, line);
    }

    /** Asks for a line to be brought to the first-level cache: PREFETCHT0. */
    public void prefetchFirst(Address line) {
        prefetch(1, line);
    }

    private void prefetch(int hint, Address line) {
        int high = line.index().map(Enum::ordinal).orElse(0) >> 3 << 1
                | line.base().ordinal() >> 3;
        if (high != 0) {
            put(0x40 | high);
        }
        put(0x0F, 0x18);
        memory(hint, line, 1);
    }

    /** Shifts right, filling with zeros; sets the zero flag for {@link #jumpIfZero}. */
    public void shiftRight(Gp register, int bits) {
        rex(0, 0, register.ordinal());
        put(0xC1);
        modRegister(5, register.ordinal());
        put(bits);
    }

    /** Subtracts one; sets the zero flag for {@link #jumpIfNotZero}. */
    public void decrement(Gp register) {
        rex(0, 0, register.ordinal());
        put(0xFF);
        modRegister(1, register.ordinal());
    }

    /** Jumps back, if the last result was not zero. */
    public void jumpIfNotZero(Label label) {
        put(0x0F, 0x85);
        putInt(label.at - (size + 4));
    }

    /** Jumps forward to where {@link #land} is called with the result. */
    public Jump jumpIfZero() {
        put(0x0F, 0x84);
        putInt(0);
        return new Jump(size);
    }

    /** The jump goes here. */
    public void land(Jump jump) {
        int distance = size - jump.from;
        for (int i = 0; i < 4; i++) {
            code[jump.from - 4 + i] = (byte) (distance >> 8 * i);
        }
    }

    /** How many registers are pushed where the code has got to. */
    int pushed() {
        return pushed;
    }

    /** Puts the register on the stack. */
    public void push(Gp register) {
        pushed++;
        if (register.ordinal() > 7) {
            put(0x41);
        }
        put(0x50 + (register.ordinal() & 7));
    }

    /** Puts the registers on the stack, in order. */
    public void push(Gp[] registers) {
        for (Gp register : registers) {
            push(register);
        }
    }

    /** Undoes {@link #push(Gp[])}: pops in the opposite order. */
    public void pop(Gp[] registers) {
        for (int i = registers.length - 1; i >= 0; i--) {
            pop(registers[i]);
        }
    }

    /** Takes the register from the stack. */
    public void pop(Gp register) {
        pushed--;
        if (register.ordinal() > 7) {
            put(0x41);
        }
        put(0x58 + (register.ordinal() & 7));
    }

    /** Leaf EAX, subleaf ECX; results in EAX, EBX, ECX, EDX. */
    public void cpuid() {
        put(0x0F, 0xA2);
    }

    /** Extended control register ECX into EDX:EAX. */
    public void xgetbv() {
        put(0x0F, 0x01, 0xD0);
    }

    /** Clears the upper halves of vectors, which code compiled for AVX expects of its callees. */
    public void vzeroupper() {
        put(0xC5, 0xF8, 0x77);
    }

    /** Returns to the caller. */
    public void ret() {
        put(0xC3);
    }

    /** {@code mask = register}'s lower 16 bits; mask is 1 to 7. */
    public void kmovw(int mask, Gp register) {
        put(0xC4, 0xC1 | (register.ordinal() >> 3 ^ 1) << 5, 0x78, 0x92);
        modRegister(mask, register.ordinal());
    }

    /** {@code mask} = the first lanes of sixteen, as many as {@code count} (0 .. 16) says; RAX is overwritten. */
    public void firstLanes(int mask, Gp count) {
        put(0xB8); // mov eax, -1
        putInt(-1);
        put(0xC4, 0xE2, 0x78 & ~(count.ordinal() << 3), 0xF5); // bzhi eax, eax, count
        modRegister(Gp.RAX.ordinal(), Gp.RAX.ordinal());
        kmovw(mask, Gp.RAX);
    }

    /** {@code mask = register}, 64 bits; mask is 1 to 7. */
    public void kmovq(int mask, Gp register) {
        put(0xC4, 0xC1 | (register.ordinal() >> 3 ^ 1) << 5, 0xFB, 0x92);
        modRegister(mask, register.ordinal());
    }

    // ---- vector instructions

    /** {@code d = op(a, b)}. */
    public void vector(Evex op, Width width, int d, int a, int b) {
        vectorWhere(ALL, op, width, d, a, b);
    }

    /** {@code d = op(a, memory)}. */
    public void vector(Evex op, Width width, int d, int a, Address b) {
        vector(op, width, d, a, b, ALL);
    }

    /**
     * The same with lanes that the mask leaves out unchanged, or not stored; not even read, so that they may be
     * outside of mapped memory.
     */
    public void vector(Evex op, Width width, int d, int a, Address b, int mask) {
        int index = b.index().map(Enum::ordinal).orElse(0);
        evex(op, width, d, a, b.base().ordinal() >> 3, index >> 3, mask, 0);
        memory(d & 7, b, op.unitBytes(width.bytes()));
    }

    /** {@code d = op(a, every lane the dword at memory)}. */
    public void vectorBroadcast(Evex op, Width width, int d, int a, Address b) {
        int index = b.index().map(Enum::ordinal).orElse(0);
        evex(op, width, d, a, b.base().ordinal() >> 3, index >> 3, ALL, 1);
        memory(d & 7, b, 4);
    }

    /** {@code d = op(a, b)} of registers in the lanes of the mask; the others stay. */
    public void vectorWhere(int mask, Evex op, Width width, int d, int a, int b) {
        evex(op, width, d, a, b >> 3 & 1, b >> 4 & 1, mask, 0);
        modRegister(d & 7, b & 7);
    }

    /** {@code d = op(a, b)} of registers in the lanes of the mask, zero in the others. */
    public void vectorOrZero(int mask, Evex op, Width width, int d, int a, int b) {
        evex(op, width, d, a, b >> 3 & 1, b >> 4 & 1, 0x80 | mask, 0);
        modRegister(d & 7, b & 7);
    }

    /** {@code mask = a compared with b}. */
    public void compare(int mask, Comparison comparison, Width width, int a, int b) {
        vector(Evex.VCMPPS, width, mask, a, b);
        put(comparison.code);
    }

    /** {@code d = op(b)} of registers. */
    public void vector(Evex op, Width width, int d, int b) {
        vector(op, width, d, 0, b);
    }

    /** {@code d = op(memory)}, or the store of d. */
    public void vector(Evex op, Width width, int d, Address b) {
        vector(op, width, d, 0, b);
    }

    /** {@code d = 0}. */
    public void zero(int d) {
        vector(Evex.VPXORD, Width.V512, d, d, d);
    }

    /** {@code d = op(a, b, immediate)}. */
    public void vector(Evex op, Width width, int d, int a, int b, int immediate) {
        vector(op, width, d, a, b);
        put(immediate);
    }

    /** {@code d = op(memory)} with zeros in the lanes that the mask leaves out, which are not read. */
    public void vectorOrZero(Evex op, Width width, int d, Address b, int mask) {
        int index = b.index().map(Enum::ordinal).orElse(0);
        int zeroing = mask == ALL ? 0 : 0x80;
        evex(op, width, d, 0, b.base().ordinal() >> 3, index >> 3, zeroing | mask, 0);
        memory(d & 7, b, op.unitBytes(width.bytes()));
    }

    /** Shifts every dword left by {@code bits}: VPSLLD, whose opcode extension stands where others name d. */
    public void shiftLeft(Width width, int d, int a, int bits) {
        shift(0, 0x72, 6, width, d, a, bits);
    }

    /** Shifts every dword of a place in memory left by {@code bits}. */
    public void shiftLeft(Width width, int d, Address a, int bits) {
        int index = a.index().map(Enum::ordinal).orElse(0);
        shiftPrefix(0, 0x72, width, d, a.base().ordinal() >> 3, index >> 3);
        memory(6, a, width.bytes());
        put(bits);
    }

    /** Shifts every dword right by {@code bits}, filling with zeros: VPSRLD. */
    public void shiftRight(Width width, int d, int a, int bits) {
        shift(0, 0x72, 2, width, d, a, bits);
    }

    /** Shifts every qword right by {@code bits}, filling with zeros: VPSRLQ. */
    public void shiftRightQwords(Width width, int d, int a, int bits) {
        shift(1, 0x73, 2, width, d, a, bits);
    }

    private void shift(int w, int opcode, int extension, Width width, int d, int a, int bits) {
        shiftPrefix(w, opcode, width, d, a >> 3 & 1, a >> 4 & 1);
        modRegister(extension, a & 7);
        put(bits);
    }

    private void shiftPrefix(int w, int opcode, Width width, int d, int b3, int x) {
        put(0x62);
        put((x ^ 1) << 6 | (b3 ^ 1) << 5 | 0x91);
        put(w << 7 | (~d & 15) << 3 | 4 | Evex.Prefix.P66.ordinal());
        put(width.ordinal() << 5 | (~d >> 4 & 1) << 3);
        put(opcode);
    }

    /** Every dword of d is {@code value}; RAX is overwritten. */
    public void constant(int d, int value) {
        put(0xB8); // mov eax, value
        putInt(value);
        vector(Evex.VPBROADCASTD_GP, Width.V512, d, 0, Gp.RAX.ordinal());
    }

    /**
     * The 64 bytes of d, by way of the 128 below the stack that are a function's own (System V ABI, 3.2.2); RAX is
     * overwritten.
     */
    public void constant(int d, byte[] bytes) {
        ByteBuffer qwords = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        for (int at = 0; at < bytes.length; at += Long.BYTES) {
            mov(Gp.RAX, qwords.getLong(at));
            movStore(Address.at(Gp.RSP, at - bytes.length), Gp.RAX);
        }
        vector(Evex.VMOVUPS, Width.V512, d, Address.at(Gp.RSP, -bytes.length));
    }

    /** {@code d} = all ones. */
    public void ones(int d) {
        vector(Evex.VPTERNLOGD, Width.V512, d, d, d, 0xFF);
    }

    // ---- encoding

    /** The four bytes of the prefix and the opcode. Register bits above the third are stored inverted. */
    private void evex(Evex op, Width width, int d, int a, int b3, int x, int mask, int broadcast) {
        put(0x62);
        put((d >> 3 & 1 ^ 1) << 7 | (x ^ 1) << 6 | (b3 ^ 1) << 5 | (d >> 4 & 1 ^ 1) << 4 | op.mapCode());
        put(op.w() << 7 | (~a & 15) << 3 | 4 | op.prefixCode());
        put(width.ordinal() << 5 | broadcast << 4 | (~a >> 4 & 1) << 3 | mask);
        put(op.opcode());
    }

    private void rex(int reg, int index, int base) {
        put(0x48 | reg >> 3 << 2 | index >> 3 << 1 | base >> 3);
    }

    private void modRegister(int reg, int rm) {
        put(0xC0 | (reg & 7) << 3 | rm & 7);
    }

    /** ModRM, SIB and displacement; a displacement that is a multiple of {@code unit} and small takes one byte. */
    private void memory(int reg, Address a, int unit) {
        int base = a.base().ordinal() & 7;
        boolean needsSib = a.index().isPresent() || base == 4;
        boolean none = a.displacement() == 0 && base != 5;
        int short8 = a.displacement() / unit;
        boolean fits = a.displacement() % unit == 0 && short8 >= -128 && short8 <= 127;
        int mod = none ? 0 : fits ? 1 : 2;
        put(mod << 6 | (reg & 7) << 3 | (needsSib ? 4 : base));
        if (needsSib) {
            int index = a.index().map(Enum::ordinal).orElse(4) & 7;
            put(Integer.numberOfTrailingZeros(a.scale()) << 6 | index << 3 | base);
        }
        if (mod == 1) {
            put(short8);
        } else if (mod == 2) {
            putInt(a.displacement());
        }
    }

    private void put(int... values) {
        for (int value : values) {
            if (size == code.length) {
                code = Arrays.copyOf(code, 2 * size);
            }
            code[size++] = (byte) value;
        }
    }

    private void putInt(int value) {
        put(value, value >> 8, value >> 16, value >> 24);
    }
}
