package dev.jemma.engine.kernel;

import dev.jemma.engine.api.Arithmetic;
import dev.jemma.engine.kernel.cpu.CpuKernels;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/**
 * What must be asked in a process of its own: another vector width, or code that no earlier test has compiled. Prints
 * one line for each failure and the number of operations, exits 0 if none failed.
 */
public final class KernelProbe {
    private KernelProbe() {}

    /**
     * {@code ARITHMETIC reference}: compare the small operations with the reference; {@code ARITHMETIC repeat N}: run
     * each N times, compare the bits.
     */
    public static void main(String[] args) {
        Arithmetic arithmetic = Arithmetic.parse(args[0]);
        try (Arena arena = Arena.ofShared();
                Kernels kernels = CpuKernels.open(2, arithmetic)) {
            System.out.println(kernels.description());
            List<Operation> operations = Operations.in(arena, Operations.Sizes.FEW);
            List<String> failures = new ArrayList<>();
            for (Operation operation : operations) {
                failures.addAll(
                        switch (args[1]) {
                            case "reference" ->
                                KernelsContract.differences(
                                        operation, kernels, new KernelsContract.HostTransfer(arena), arithmetic);
                            case "repeat" -> repeat(operation, kernels, Integer.parseInt(args[2]));
                            default -> throw new IllegalArgumentException(args[1]);
                        });
            }
            failures.forEach(System.out::println);
            System.out.println(operations.size() + " operations, " + failures.size() + " failures");
            System.exit(failures.isEmpty() ? 0 : 1);
        }
    }

    private static List<String> repeat(Operation operation, Kernels kernels, int times) {
        try (Arena arena = Arena.ofShared()) {
            KernelsContract.HostTransfer transfer = new KernelsContract.HostTransfer(arena);
            KernelsContract.Outcome first = KernelsContract.run(operation, kernels, transfer);
            Tensor[] operands = first.operands().stream()
                    .map(t -> transfer.upload(kernels, kernels.slab(0), t))
                    .toArray(Tensor[]::new);
            for (int i = 0; i < times; i++) {
                for (int j = 0; j < operands.length; j++) {
                    operands[j].segment().copyFrom(operation.operands().get(j).segment());
                }
                double result = operation.call().on(kernels, operands);
                if (result != first.result()) {
                    return List.of(operation + ": call " + i + " gives " + result + ", the first " + first.result());
                }
                for (int j = 0; j < operands.length; j++) {
                    if (operands[j].segment().mismatch(first.operands().get(j).segment()) >= 0) {
                        return List.of(operation + ": call " + i + " changes the bits of operand " + j);
                    }
                }
            }
            return List.of();
        }
    }
}
