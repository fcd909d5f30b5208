package dev.jemma.engine.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.engine.api.Arithmetic;
import dev.jemma.engine.tensor.Slab;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** Runs {@link Operations} on a backend and compares with {@link ReferenceKernels}. For any backend. */
public final class KernelsContract {
    /** Greatest error where factors are rounded by up to 2^-9 each, relative to an element and the mean. */
    private static final double BF16_GREATEST = 0.1;

    /** Root of the mean squared error there, relative to that of the elements. */
    private static final double BF16_MEAN = 0.005;

    private KernelsContract() {}

    /** How tensors reach a backend. */
    public interface Transfer {
        /** A copy of a host tensor in the backend's memory. */
        Tensor upload(Kernels kernels, Slab slab, Tensor host);

        /** A copy of a backend tensor in host memory. */
        Tensor download(Kernels kernels, Slab slab, Tensor tensor);
    }

    /** Backends that compute on host memory; copies keep the misalignment of their source. */
    public static final class HostTransfer implements Transfer {
        private final Arena arena;

        /** Copies live in {@code arena}, borrowed. */
        public HostTransfer(Arena arena) {
            this.arena = arena;
        }

        @Override
        public Tensor upload(Kernels kernels, Slab slab, Tensor host) {
            long bytes = host.segment().byteSize();
            Tensor copy = Tensor.host(
                    host.dtype(),
                    host.shape(),
                    arena.allocate(bytes + 64, 64).asSlice(host.dtype().alignment(), bytes));
            copy.segment().copyFrom(host.segment());
            return copy;
        }

        @Override
        public Tensor download(Kernels kernels, Slab slab, Tensor tensor) {
            return tensor;
        }
    }

    /** What a call left behind: its result and the bits of all operands. */
    record Outcome(double result, List<Tensor> operands) {}

    static Outcome run(Operation operation, Kernels kernels, Transfer transfer) {
        long bytes = 0;
        for (Tensor t : operation.operands()) {
            bytes += 2 * Slab.aligned(t.memory().bytes());
        }
        try (Slab slab = kernels.slab(bytes)) {
            List<Tensor> uploaded = new ArrayList<>();
            for (Tensor t : operation.operands()) {
                uploaded.add(transfer.upload(kernels, slab, t));
            }
            double result = operation.call().on(kernels, uploaded.toArray(Tensor[]::new));
            List<Tensor> after = new ArrayList<>();
            for (Tensor t : uploaded) {
                after.add(transfer.download(kernels, slab, t));
            }
            return new Outcome(result, after);
        }
    }

    /** One line for each way in which the backend's outcome differs from the reference's. */
    static List<String> differences(Operation operation, Kernels kernels, Transfer transfer, Arithmetic arithmetic) {
        try (Arena arena = Arena.ofConfined();
                ReferenceKernels reference = new ReferenceKernels(arithmetic)) {
            Outcome wanted = run(operation, reference, new HostTransfer(arena));
            Outcome seen = run(operation, kernels, transfer);
            List<String> lines = new ArrayList<>();
            double scale = Math.abs(wanted.result);
            if (Math.abs(seen.result - wanted.result) > operation.tolerance() * scale) {
                lines.add(operation + ": result " + seen.result + ", wanted " + wanted.result);
            }
            for (int i = 0; i < wanted.operands.size(); i++) {
                String what = operation + ": operand " + i;
                if (!operation.outputs().contains(i)) {
                    compare(what, wanted.operands.get(i), seen.operands.get(i), 0, lines);
                } else if (operation.rounds(arithmetic)) {
                    compare(what, wanted.operands.get(i), seen.operands.get(i), BF16_GREATEST, lines);
                    compareMeans(what, wanted.operands.get(i), seen.operands.get(i), lines);
                } else {
                    compare(what, wanted.operands.get(i), seen.operands.get(i), operation.tolerance(), lines);
                }
            }
            return lines;
        }
    }

    private static void compare(String what, Tensor wanted, Tensor seen, double tolerance, List<String> lines) {
        double[] w = Elements.of(wanted);
        double[] s = Elements.of(seen);
        double squares = 0;
        for (double x : w) {
            squares += x * x;
        }
        double typical = Math.sqrt(squares / Math.max(1, w.length));
        for (int i = 0; i < w.length; i++) {
            if (!(Math.abs(s[i] - w[i]) <= tolerance * (typical + Math.abs(w[i])))) {
                lines.add(what + " " + wanted.shape() + " [" + i + "]: " + s[i] + ", wanted " + w[i]);
                return;
            }
        }
    }

    private static void compareMeans(String what, Tensor wanted, Tensor seen, List<String> lines) {
        double[] w = Elements.of(wanted);
        double[] s = Elements.of(seen);
        double errors = 0;
        double squares = 0;
        for (int i = 0; i < w.length; i++) {
            errors += (s[i] - w[i]) * (s[i] - w[i]);
            squares += w[i] * w[i];
        }
        double error = Math.sqrt(errors / squares);
        if (!(error <= BF16_MEAN)) {
            lines.add(what + " " + wanted.shape() + ": mean error " + error + " of the mean, wanted " + BF16_MEAN);
        }
    }

    /** Asserts that every operation of {@link Kernels} is in the catalogue and gives what the reference gives. */
    public static void matchesReference(Kernels kernels, Transfer transfer, Arithmetic arithmetic) {
        try (Arena arena = Arena.ofShared()) {
            List<Operation> operations = Operations.in(arena, Operations.Sizes.MANY);
            Set<String> methods = new TreeSet<>();
            Arrays.stream(Kernels.class.getDeclaredMethods())
                    .map(Method::getName)
                    .forEach(methods::add);
            methods.removeAll(List.of("slab", "supportsWeight", "arithmetic", "description", "close"));
            assertThat(operations.stream().map(Operation::method).distinct()).hasSameElementsAs(methods);
            List<String> lines = new ArrayList<>();
            for (Operation operation : operations) {
                lines.addAll(differences(operation, kernels, transfer, arithmetic));
            }
            assertThat(lines).isEmpty();
        }
    }
}
