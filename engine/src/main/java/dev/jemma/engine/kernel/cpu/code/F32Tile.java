package dev.jemma.engine.kernel.cpu.code;

import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V512;

import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.kernel.cpu.code.x86.Address;
import dev.jemma.engine.kernel.cpu.code.x86.Assembler;
import dev.jemma.engine.kernel.cpu.code.x86.CpuFeatures;
import dev.jemma.engine.kernel.cpu.code.x86.Evex;
import dev.jemma.engine.kernel.cpu.code.x86.Gp;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.stream.Stream;

/**
 * A tile of an f32 matrix product in registers, {@code C = scale * A B} or {@code C += scale * A B}, with operands as they lie: A by
 * any two strides (so that it may be a transpose), B and C by rows. For thin products, where packing would cost more than it saves.
 *
 * <p>Shapes: up to {@value #TALL} x 16, or up to {@value #LOW} x 48. Every element is one chain of FMAs in the order of the depth.
 */
public final class F32Tile {
    /** Most rows of a tile of one vector. */
    public static final int TALL = 16;

    /** Most rows of a tile of two or three vectors. */
    public static final int LOW = 8;

    /** Lanes of a vector. */
    public static final int LANES = TileFrame.LANES;

    /** Most vectors side by side. */
    public static final int VECTORS = TileFrame.VECTORS;

    private static final int B = 24;
    private static final int ELEMENT = 27;

    private static final Gp[] SAVED = {Gp.RBX, Gp.RBP, Gp.R12, Gp.R13, Gp.R14, Gp.R15};

    /** Arguments on the stack lie behind the return address and the saved registers. */
    private static final int STACK = 8 * (1 + SAVED.length);

    private static final Address A_STEP = Address.at(Gp.RSP, STACK + 8);
    private static final Address TILES = Address.at(Gp.RSP, STACK + 32);

    private static final MethodHandle CALL = Linker.nativeLinker()
            .downcallHandle(
                    FunctionDescriptor.ofVoid(Stream.generate(() -> ValueLayout.JAVA_LONG)
                            .limit(11)
                            .toArray(ValueLayout.OfLong[]::new)),
                    Linker.Option.critical(false));

    private static final TileFrame FRAME = new TileFrame(available(), TALL, F32Tile::existing);

    private F32Tile() {}

    /** Whether this machine can run it. */
    public static boolean available() {
        return CpuFeatures.ofThisMachine().avx512();
    }

    /** Most rows of a tile with {@code columns} columns. */
    public static int mostRows(int columns) {
        return columns <= LANES ? TALL : LOW;
    }

    private static byte[] existing(int rows, int vectors, Write write) {
        return rows <= mostRows(vectors * LANES) ? generate(rows, vectors, write) : new byte[0];
    }

    /**
     * Computes tiles below each other. The addresses are the caller's to check: nothing here does.
     *
     * @param rows of A and C; so many that it ends within microseconds
     * @param columns 1 .. 48
     * @param a address of A's first element
     * @param aRow bytes from row to row of A
     * @param aStep bytes from step to step of the depth in A
     * @param b address of B's first element in these columns
     * @param bStep bytes from step to step of the depth in B
     * @param depth 1 or more
     * @param c address of the first element
     * @param cRow bytes from row to row of C
     */
    public static void run(
            int rows,
            int columns,
            Write write,
            float scale,
            long a,
            long aRow,
            long aStep,
            long b,
            long bStep,
            long depth,
            long c,
            long cRow) {
        long mask = TileFrame.mask(columns);
        long factor = Float.floatToRawIntBits(scale);
        for (int done = 0; done < rows; ) {
            int height = Math.min(mostRows(columns), rows - done);
            long tiles = (rows - done) / height;
            MemorySegment function = FRAME.function(height, columns, write);
            long from = a + done * aRow;
            long to = c + done * cRow;
            try {
                CALL.invokeExact(function, from, aRow, b, depth, to, cRow, mask, aStep, bStep, factor, tiles);
            } catch (Throwable e) {
                throw new IllegalStateException("machine code threw", e);
            }
            done += height * (int) tiles;
        }
    }

    /** {@code void tiles(a, aRow, b, depth, c, cRow, mask, aStep, bStep, scale, tiles)}, each {@code rows} x {@code vectors}. */
    static byte[] generate(int rows, int vectors, Write write) {
        Assembler x = new Assembler();
        x.push(SAVED);
        x.mov(Gp.RAX, Address.at(Gp.RSP, STACK));
        x.kmovw(TileFrame.MASK, Gp.RAX);
        x.mov(Gp.R13, Address.at(Gp.RSP, STACK + 16));
        x.mov(Gp.R14, Gp.RDI);
        x.mov(Gp.R15, Gp.RDX);
        x.mov(Gp.RBP, Gp.RCX);
        Assembler.Label tile = x.label();
        x.mov(Gp.RAX, A_STEP);
        for (int i = 0; i < rows * vectors; i++) {
            x.zero(i);
        }
        Address[] a = rowAddresses(x, rows, Gp.RDI, Gp.RSI);
        Assembler.Label loop = x.label();
        for (int j = 0; j < vectors; j++) {
            int mask = j == vectors - 1 ? TileFrame.MASK : Assembler.ALL;
            x.vectorOrZero(Evex.VMOVUPS, V512, B + j, Address.at(Gp.RDX, j * V512.bytes()), mask);
        }
        for (int i = 0; i < rows; i++) {
            if (vectors == 1) {
                x.vectorBroadcast(Evex.VFMADD231PS, V512, i, B, a[i]);
                continue;
            }
            int element = ELEMENT + i % 4;
            x.vector(Evex.VPBROADCASTD, V512, element, a[i]);
            for (int j = 0; j < vectors; j++) {
                x.vector(Evex.VFMADD231PS, V512, i * vectors + j, B + j, element);
            }
        }
        x.add(Gp.RDI, Gp.RAX);
        x.add(Gp.R11, Gp.RAX);
        if (rows > LOW) {
            x.add(Gp.RBX, Gp.RAX);
            x.add(Gp.R12, Gp.RAX);
        }
        x.add(Gp.RDX, Gp.R13);
        x.decrement(Gp.RCX);
        x.jumpIfNotZero(loop);
        x.vector(Evex.VPBROADCASTD, V512, B, Address.at(Gp.RSP, STACK + 24));
        for (int i = 0; i < rows * vectors; i++) {
            x.vector(Evex.VMULPS, V512, i, i, B);
        }
        TileFrame.store(x, rowAddresses(x, rows, Gp.R8, Gp.R9), rows, vectors, 0, write);
        for (int advanced = 0; advanced < rows; advanced += LOW) {
            x.lea(Gp.R14, Address.at(Gp.R14, Gp.RSI, LOW, 0));
            x.lea(Gp.R8, Address.at(Gp.R8, Gp.R9, LOW, 0));
        }
        x.mov(Gp.RDI, Gp.R14);
        x.mov(Gp.RDX, Gp.R15);
        x.mov(Gp.RCX, Gp.RBP);
        x.mov(Gp.RAX, TILES);
        x.decrement(Gp.RAX);
        x.movStore(TILES, Gp.RAX);
        x.jumpIfNotZero(tile);
        x.pop(SAVED);
        x.vzeroupper();
        x.ret();
        return x.bytes();
    }

    private static Address[] rowAddresses(Assembler x, int rows, Gp base, Gp stride) {
        Address[] low = RowAddresses.addresses(x, base, stride, Gp.R11);
        if (rows <= LOW) {
            return low;
        }
        x.lea(Gp.RBX, Address.at(base, stride, 8, 0));
        return Stream.of(low, RowAddresses.addresses(x, Gp.RBX, stride, Gp.R12))
                .flatMap(Stream::of)
                .toArray(Address[]::new);
    }
}
