package dev.jemma.engine.kernel.cpu.code.x86;

/**
 * Writes functions whose arguments have names: those of a lambda's parameters,
 * {@code (x, out, a, b, count, _, _) -> ...}, in the order in which the calls give them. All are longs; the first six
 * come in registers, the others on the stack (System V ABI for x86-64, 3.2.3). A function may use RAX, R10, R11, the
 * registers of its arguments, and all vectors and masks; others it pushes first and pops at its end.
 */
public final class Function {
    private Function() {}

    /** Writes what {@link ShortCall} with six arguments, or {@link StreamCall}, calls. */
    @FunctionalInterface
    public interface OfSix {
        /** With the assembler to write with and the registers that hold the arguments. */
        void write(Assembler x, Gp a, Gp b, Gp c, Gp d, Gp e, Gp f);
    }

    /** Writes what {@link ShortCall} with eight arguments calls. */
    @FunctionalInterface
    public interface OfEight {
        /** With the assembler to write with, the registers that hold six arguments, and two that are on the stack. */
        void write(Assembler x, Gp a, Gp b, Gp c, Gp d, Gp e, Gp f, Stacked g, Stacked h);
    }

    /** Writes what {@link WideCall} calls. */
    @FunctionalInterface
    public interface OfEleven {
        /** With the assembler to write with, the registers that hold six arguments, and five that are on the stack. */
        void write(
                Assembler x, Gp a, Gp b, Gp c, Gp d, Gp e, Gp f, Stacked g, Stacked h, Stacked i, Stacked j, Stacked k);
    }

    /** An argument on the stack, the {@code index}th there. */
    public record Stacked(Assembler x, int index) {
        /**
         * Where it is, as long as nothing is pushed or popped: behind what the function has pushed, and the return
         * address.
         */
        public Address at() {
            return Address.at(Gp.RSP, Long.BYTES * (x.pushed() + 1 + index));
        }
    }

    /** A function of six arguments; {@code _} for those that it does not have. */
    public static byte[] of(OfSix body) {
        Assembler x = new Assembler();
        body.write(x, Gp.RDI, Gp.RSI, Gp.RDX, Gp.RCX, Gp.R8, Gp.R9);
        return finish(x);
    }

    /** A function of eight arguments; {@code _} for those that it does not have. */
    public static byte[] of(OfEight body) {
        Assembler x = new Assembler();
        body.write(x, Gp.RDI, Gp.RSI, Gp.RDX, Gp.RCX, Gp.R8, Gp.R9, new Stacked(x, 0), new Stacked(x, 1));
        return finish(x);
    }

    /** A function of eleven arguments. */
    public static byte[] of(OfEleven body) {
        Assembler x = new Assembler();
        body.write(
                x,
                Gp.RDI,
                Gp.RSI,
                Gp.RDX,
                Gp.RCX,
                Gp.R8,
                Gp.R9,
                new Stacked(x, 0),
                new Stacked(x, 1),
                new Stacked(x, 2),
                new Stacked(x, 3),
                new Stacked(x, 4));
        return finish(x);
    }

    /** The same for a function of six arguments that leaves all vectors as they are. */
    public static byte[] withoutVectors(OfSix body) {
        Assembler x = new Assembler();
        body.write(x, Gp.RDI, Gp.RSI, Gp.RDX, Gp.RCX, Gp.R8, Gp.R9);
        return returned(x);
    }

    private static byte[] finish(Assembler x) {
        x.vzeroupper();
        return returned(x);
    }

    private static byte[] returned(Assembler x) {
        if (x.pushed() != 0) {
            throw new IllegalStateException("a function leaves " + x.pushed() + " registers on the stack");
        }
        x.ret();
        return x.bytes();
    }
}
