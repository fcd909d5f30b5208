package dev.jemma.samebits;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * Commands that both sides run, with the same model and options.
 *
 * @param model what they run on
 * @param mode how kernels run
 * @param precision what they compute with
 * @param threads value of {@code --threads}
 * @param what the commands, in a few words
 * @param work the commands
 */
record Case(Model model, Mode mode, Precision precision, int threads, String what, Work work) {
    /** The commands of a case. */
    @FunctionalInterface
    interface Work {
        void run(Jemma jemma) throws IOException, InterruptedException;
    }

    /**
     * Arithmetic and weights.
     *
     * @param compute value of {@code --compute}
     * @param weights value of {@code --weights}
     */
    record Precision(String compute, String weights) {}

    /**
     * A model and what it is asked.
     *
     * @param name for people
     * @param path its folder or file
     * @param size that decides what Java compiles
     * @param rows what it scores and learns
     * @param adapters PEFT adapters beside it
     */
    record Model(String name, Path path, Size size, Rows rows, List<Path> adapters) {}

    /** How long a command takes. */
    enum Size {
        TINY,
        REAL
    }

    /**
     * Files of rows.
     *
     * @param scored for {@code score}
     * @param learned for {@code train}
     */
    record Rows(Path scored, Path learned) {}

    /** Java's options. */
    String javaOptions() {
        return switch (model.size) {
            case TINY -> mode.optionsOfShortRuns();
            case REAL -> mode.options();
        };
    }

    /** The options of every command that computes. */
    List<Object> options() {
        return List.of(
                "--device cpu --compute " + precision.compute + " --weights " + precision.weights + " --threads "
                        + threads,
                "--model",
                model.path());
    }

    @Override
    public String toString() {
        return "%s, %s, weights %s, %s, %s: %s"
                .formatted(
                        model.name(),
                        precision.compute,
                        precision.weights,
                        mode,
                        threads == 1 ? "1 thread" : threads + " threads",
                        what);
    }
}
