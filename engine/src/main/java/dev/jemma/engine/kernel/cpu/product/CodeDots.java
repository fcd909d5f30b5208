package dev.jemma.engine.kernel.cpu.product;

import dev.jemma.engine.kernel.cpu.code.Bf16Dots;
import dev.jemma.engine.kernel.cpu.code.BlockDots;
import dev.jemma.engine.kernel.cpu.code.NibbleDots;
import dev.jemma.engine.tensor.DType;

/** The machine code that multiplies one vector with rows of weights, by the weights' type. */
enum CodeDots {
    /** In f32. */
    BF16(DType.BF16, Bf16Dots.STEP) {
        @Override
        int rows(long inputs) {
            return Bf16Dots.rows(inputs);
        }

        @Override
        long vectorBytes(long inputs) {
            return 4 * inputs;
        }

        @Override
        void arrange(long from, long inputs, long to) {
            Bf16Dots.split(from, inputs, to);
        }

        @Override
        void run(long w, long x, long inputs, long out, long rows) {
            Bf16Dots.run(w, x, inputs, out, rows);
        }
    },

    /** In int8. */
    Q8_0(DType.Q8_0, BlockDots.BLOCK) {
        @Override
        int rows(long inputs) {
            return BlockDots.ROWS;
        }

        @Override
        long vectorBytes(long inputs) {
            return inputs / BlockDots.BLOCK * BlockDots.BLOCK_BYTES;
        }

        @Override
        void arrange(long from, long inputs, long to) {
            BlockDots.quantize(from, inputs, to);
        }

        @Override
        void run(long w, long x, long inputs, long out, long rows) {
            BlockDots.run(w, x, inputs, out, rows);
        }
    },

    /** In int8. */
    Q4_0(DType.Q4_0, NibbleDots.STEP) {
        @Override
        int rows(long inputs) {
            return NibbleDots.ROWS;
        }

        @Override
        long vectorBytes(long inputs) {
            return inputs / NibbleDots.STEP * NibbleDots.UNIT_BYTES;
        }

        @Override
        void arrange(long from, long inputs, long to) {
            NibbleDots.quantize(from, inputs, to);
        }

        @Override
        void run(long w, long x, long inputs, long out, long rows) {
            NibbleDots.run(w, x, inputs, out, rows);
        }
    };

    private static final CodeDots[] ALL = values();

    private final DType type;
    private final int step;

    CodeDots(DType type, int step) {
        this.type = type;
        this.step = step;
    }

    /** Whether {@code outputs} rows of {@code inputs} weights are whole steps, and enough. */
    boolean fits(long inputs, long outputs) {
        return inputs > 0 && inputs % step == 0 && outputs >= rows(inputs);
    }

    static CodeDots of(DType type) {
        for (CodeDots dots : ALL) {
            if (dots.type == type) {
                return dots;
            }
        }
        throw new IllegalArgumentException("no machine code for rows of " + type);
    }

    /** Rows at a time. */
    abstract int rows(long inputs);

    /** Bytes of an arranged vector. */
    abstract long vectorBytes(long inputs);

    /** Writes {@code inputs} floats as {@link #run} wants them. */
    abstract void arrange(long from, long inputs, long to);

    /** {@code out[o] = x . w[o]}; rows are contiguous, their number is a multiple of {@link #rows}. */
    abstract void run(long w, long x, long inputs, long out, long count);
}
