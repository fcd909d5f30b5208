package dev.jemma.cli;

import dev.jemma.engine.api.LoraConfig;
import dev.jemma.engine.inspect.Architecture;
import dev.jemma.engine.inspect.Inspection;
import dev.jemma.engine.inspect.StoredTemplates;
import dev.jemma.engine.inspect.StoredTensors;
import dev.jemma.engine.inspect.StoredTensors.Stored;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "inspect",
        description =
                "What a model folder, a .gguf file, an adapter folder or a .safetensors file holds, and what is wrong with it.",
        mixinStandardHelpOptions = true)
final class InspectCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "PATH", description = "Model folder, .gguf file, adapter folder or .safetensors file.")
    private Path path;

    @Option(names = "--json", description = "Print one JSON document.")
    private boolean json;

    @Option(names = "--tensors", description = "List every tensor, and the metadata of a .gguf file.")
    private boolean tensors;

    /** Taken by every command; here nothing is computed on a device. */
    @Mixin
    private ComputeOptions compute;

    @Override
    public Integer call() throws IOException {
        compute.check();
        Inspection inspection = Inspection.of(path);
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(inspection.toJson().toPrettyString());
        } else {
            print(inspection, out);
        }
        return inspection.problems().isEmpty() ? 0 : 1;
    }

    private void print(Inspection inspection, PrintWriter out) {
        switch (inspection) {
            case Inspection.Model model -> {
                line(out, "model", path.toString());
                model.architecture().ifPresent(shape -> print(shape, out));
                line(out, "parameters", Texts.count(model.parameters()));
                line(out, "tokenizer", model.tokenizerBytes().map(Texts::bytes).orElse("none"));
                line(out, "template", template(model.templates()));
            }
            case Inspection.GgufModel gguf -> {
                line(out, "model", path + " (GGUF version " + gguf.version() + ")");
                gguf.architecture().ifPresent(shape -> print(shape, out));
                line(out, "parameters", Texts.count(gguf.parameters()));
                line(
                        out,
                        "tokenizer",
                        gguf.tokens()
                                .map(count -> Texts.count(count) + " tokens")
                                .orElse("none"));
                line(out, "template", template(gguf.templates()));
                if (tensors) {
                    gguf.metadata().forEach((key, value) -> out.println("  " + key + " = " + value));
                }
            }
            case Inspection.LoraAdapter adapter -> {
                line(out, "adapter", path.toString());
                adapter.config().ifPresent(config -> print(config, out));
                line(out, "parameters", Texts.count(adapter.parameters()));
                line(out, "template", template(adapter.templates()));
            }
            case Inspection.TensorFile file -> {
                line(out, "tensors", path.toString());
                file.metadata().forEach((key, value) -> line(out, key, value));
            }
        }
        inspection.weights().ifPresent(weights -> print(weights, out));
        inspection.warnings().forEach(warning -> line(out, "warning", warning));
        inspection.problems().forEach(problem -> line(out, "problem", problem));
    }

    private static void print(Architecture shape, PrintWriter out) {
        Architecture.Layer first = shape.layers().getFirst();
        line(out, "family", shape.family() + " (" + shape.modelType() + ")");
        line(
                out,
                "shape",
                shape.layers().size() + " layers (" + shape.slidingLayers() + " sliding), hidden " + shape.hiddenSize()
                        + ", mlp " + first.intermediateSize() + ", " + first.numAttentionHeads() + " heads over "
                        + first.numKeyValueHeads() + " of " + first.headDim());
        line(out, "vocabulary", Texts.count(shape.vocabSize()));
        line(out, "context", Texts.count(shape.maxPositionEmbeddings()));
    }

    private static void print(LoraConfig config, PrintWriter out) {
        line(out, "rank", config.r() + ", alpha " + config.loraAlpha() + (config.useRslora() ? ", rsLoRA" : ""));
        line(out, "targets", config.targetModules().toString());
        config.baseModelNameOrPath().ifPresent(base -> line(out, "base", base));
    }

    private void print(StoredTensors weights, PrintWriter out) {
        StringBuilder types = new StringBuilder();
        weights.elementsByType()
                .forEach((type, elements) -> types.append(types.isEmpty() ? "" : ", ")
                        .append(Texts.count(elements))
                        .append(' ')
                        .append(type));
        line(
                out,
                "weights",
                weights.tensors().size() + " tensors in " + weights.files().size() + " file"
                        + (weights.files().size() == 1 ? "" : "s") + ", " + Texts.bytes(weights.bytes()) + ": "
                        + types);
        if (tensors) {
            for (Stored tensor : weights.tensors()) {
                out.println("  " + tensor.name() + "  " + tensor.type() + " " + tensor.shape());
            }
        }
    }

    private static String template(Optional<StoredTemplates> templates) {
        return templates
                .filter(found -> !found.names().isEmpty())
                .map(found -> found.source() + ": " + String.join(", ", found.names()))
                .orElse("none; the Gemma turns of its generation are used");
    }

    private static void line(PrintWriter out, String name, String text) {
        out.printf("%-11s %s%n", name, text);
    }
}
