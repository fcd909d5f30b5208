package dev.jemma.engine.kernel.cpu.code;

import dev.jemma.engine.kernel.cpu.code.x86.Address;
import dev.jemma.engine.kernel.cpu.code.x86.Assembler;
import dev.jemma.engine.kernel.cpu.code.x86.CodeMemory;
import dev.jemma.engine.kernel.cpu.code.x86.CpuFeatures;
import dev.jemma.engine.kernel.cpu.code.x86.Function;
import dev.jemma.engine.kernel.cpu.code.x86.Gp;
import dev.jemma.engine.kernel.cpu.code.x86.ShortCall;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Rotary embedding of contiguous rows of heads, in place. Addresses are the caller's to check. */
public final class Rotations {
    private static final MemorySegment[] FUNCTIONS =
            available() ? CodeMemory.publish(List.of(rotation())) : new MemorySegment[0];

    private Rotations() {}

    /** Whether this machine can run them. */
    public static boolean available() {
        return CpuFeatures.ofThisMachine().avx512();
    }

    /**
     * {@code (u, v) = (u cos - v sin, v cos + u sin)} for the two halves of every head.
     *
     * @param x address of the first row's first head
     * @param cos address of the first row's angles, {@code half} a row
     * @param half elements of half a head, 1 or more
     * @param heads of a row, 1 or more
     * @param rows 1 or more
     * @param direction 1, or -1 for the inverse, which has -sin
     */
    public static void rotate(long x, long cos, long sin, long half, long heads, long rows, float direction) {
        ShortCall.run(FUNCTIONS[0], x, cos, sin, half, heads, rows, ShortCall.bits(direction), 0);
    }

    /** {@link #rotate}. */
    static byte[] rotation() {
        return Function.of((x, first, cos, sin, half, heads, rows, sign, _) -> {
            Floats f = new Floats(x);
            int direction = f.argument(sign.at());
            Gp second = Gp.RBX;
            Gp head = Gp.RBP;
            x.push(second);
            x.push(head);
            int c = 0;
            int s = 1;
            int u = 2;
            int v = 3;
            int us = 4;
            int vs = 5;
            Assembler.Label row = x.label();
            x.mov(head, heads);
            Assembler.Label next = x.label();
            x.lea(second, Address.at(first, half, 4, 0));
            f.forEach(half, mask -> {
                f.load(c, Floats.in(cos), mask);
                f.load(s, Floats.in(sin), mask);
                f.multiply(s, s, direction);
                f.load(u, Floats.in(first), mask);
                f.load(v, Floats.in(second), mask);
                f.multiply(us, u, s);
                f.multiply(vs, v, s);
                f.multiply(u, u, c);
                f.subtract(u, u, vs);
                f.multiplyAdd(v, c, us);
                f.store(Floats.in(first), u, mask);
                f.store(Floats.in(second), v, mask);
            });
            x.lea(first, Address.at(second, half, 4, 0));
            x.decrement(head);
            x.jumpIfNotZero(next);
            x.lea(cos, Address.at(cos, half, 4, 0));
            x.lea(sin, Address.at(sin, half, 4, 0));
            x.decrement(rows);
            x.jumpIfNotZero(row);
            x.pop(head);
            x.pop(second);
        });
    }
}
