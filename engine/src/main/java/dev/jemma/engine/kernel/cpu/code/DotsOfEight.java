package dev.jemma.engine.kernel.cpu.code;

import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V256;

import dev.jemma.engine.kernel.cpu.code.x86.Address;
import dev.jemma.engine.kernel.cpu.code.x86.Assembler;
import dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width;
import dev.jemma.engine.kernel.cpu.code.x86.Evex;
import dev.jemma.engine.kernel.cpu.code.x86.Function;
import dev.jemma.engine.kernel.cpu.code.x86.Gp;
import java.util.function.Consumer;

/**
 * What functions that multiply one vector with many rows of weights have in common, when they take eight rows at a time
 * and sum each in a vector of its own, 0 to 7: {@code void dots(w, stride, x, steps, out, groups)}.
 */
final class DotsOfEight {
    /** Rows at a time. */
    static final int ROWS = RowAddresses.EIGHT;

    private static final Gp[] SAVED = {Gp.RBX, Gp.RBP, Gp.R12};

    private DotsOfEight() {}

    /** Writes one step of the loop along the rows: adds the products of eight parts to vectors 0 .. 7. */
    @FunctionalInterface
    interface Step {
        /**
         * @param vector register with the address of the vector's part
         * @param rows where the rows' parts are
         */
        void write(Assembler x, Gp vector, RowAddresses rows);
    }

    /**
     * The function.
     *
     * @param rowBytes bytes of a row that a step takes
     * @param vectorBytes bytes of the vector that a step takes
     * @param width of the sums
     * @param constants writes what comes before all loops
     */
    static byte[] generate(int rowBytes, int vectorBytes, Width width, Consumer<Assembler> constants, Step body) {
        return Function.of((x, w, stride, vector, steps, out, groups) -> {
            Gp first = Gp.RAX;
            Gp part = Gp.RBX;
            Gp left = Gp.RBP;
            Gp next = Gp.R12;
            x.push(SAVED);
            constants.accept(x);
            x.lea(next, Address.at(w, RowAddresses.PREFETCH_BYTES));
            Assembler.Label group = x.label();
            RowAddresses rows = RowAddresses.from(x, w, stride);
            x.mov(first, w);
            x.mov(part, vector);
            x.mov(left, steps);
            for (int i = 0; i < ROWS; i++) {
                x.zero(i);
            }
            Assembler.Label step = x.label();
            body.write(x, part, rows);
            RowAddresses.prefetch(x, next, rowBytes);
            rows.advance(rowBytes);
            x.add(part, vectorBytes);
            x.decrement(left);
            x.jumpIfNotZero(step);
            AcrossLanes.sumsOfEight(x, width);
            x.vector(Evex.VMOVUPS_STORE, V256, 0, Address.at(out));
            x.add(out, ROWS * Float.BYTES);
            x.lea(w, Address.at(first, stride, ROWS, 0));
            x.decrement(groups);
            x.jumpIfNotZero(group);
            x.pop(SAVED);
        });
    }
}
