package dev.jemma.engine.kernel;

import dev.jemma.engine.api.Arithmetic;
import dev.jemma.engine.tensor.Tensor;
import java.util.List;

/**
 * One call of one operation on given operands: what the contract tests run on the reference and on a backend.
 *
 * @param method name in {@link Kernels}
 * @param label what is special about the shapes
 * @param operands host tensors: initial content of everything the call reads or writes
 * @param outputs which operands the call writes; all others must stay as they are
 * @param tolerance greatest error of an element relative to its own size plus the output's root mean square, in f32
 * @param call the call; its result is compared too (0 for void operations)
 */
record Operation(
        String method, String label, List<Tensor> operands, List<Integer> outputs, double tolerance, Call call) {
    @FunctionalInterface
    interface Call {
        double on(Kernels kernels, Tensor[] operands);
    }

    /**
     * Whether factors are rounded that the reference does not round: attention's in bf16, the probabilities among them.
     */
    boolean rounds(Arithmetic arithmetic) {
        return arithmetic == Arithmetic.BF16 && method.startsWith("attention");
    }

    @Override
    public String toString() {
        return method + " " + label;
    }
}
