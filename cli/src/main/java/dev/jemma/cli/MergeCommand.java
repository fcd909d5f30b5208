package dev.jemma.cli;

import dev.jemma.engine.Gemma;
import dev.jemma.engine.api.FloatType;
import dev.jemma.engine.api.MergeResult;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "merge",
        description = "Base and adapter as a plain checkpoint that Hugging Face loads.",
        mixinStandardHelpOptions = true)
final class MergeCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(names = "--model", required = true, paramLabel = "DIR", description = "Model folder or .gguf file.")
    private Path model;

    @Option(names = "--adapter", required = true, paramLabel = "DIR", description = "Adapter folder; several add up.")
    private List<Path> adapters;

    @Option(names = "--out", required = true, paramLabel = "DIR", description = "New folder.")
    private Path out;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            description = "bfloat16, float16 or float32 (the base's; bfloat16 for quantized weights).")
    private Optional<FloatType> dtype = Optional.empty();

    /** Taken by every command; here nothing is computed on a device. */
    @Mixin
    private ComputeOptions compute;

    @Override
    public Integer call() {
        compute.check();
        MergeResult result = Gemma.merge(model, adapters, out, dtype);
        PrintWriter err = spec.commandLine().getErr();
        result.warnings().forEach(warning -> err.println("warning: " + warning));
        result.untiedHead()
                .ifPresent(head -> err.println(
                        "embedding and head differ now: " + head + " is written and tie_word_embeddings is false"));
        err.println("changed " + result.modules() + " modules, wrote " + Texts.bytes(result.bytes()) + " to " + out);
        return 0;
    }
}
