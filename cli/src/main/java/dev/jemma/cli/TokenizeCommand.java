package dev.jemma.cli;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.checkpoint.Checkpoint;
import dev.jemma.engine.io.JsonLines;
import dev.jemma.engine.tokenizer.Specials;
import dev.jemma.engine.tokenizer.Tokenizer;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

@Command(
        name = "tokenize",
        description = "Token ids of texts: rows {\"text\"} to JSON Lines {\"ids\",\"decoded\"}.",
        mixinStandardHelpOptions = true)
final class TokenizeCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(names = "--model", required = true, paramLabel = "DIR", description = "Model folder or .gguf file.")
    private Path model;

    @Option(names = "--data", required = true, paramLabel = "TEXTS.jsonl", description = "Rows {\"text\"}.")
    private Path data;

    @Option(names = "--no-bos", description = "Leave out the tokens that the tokenizer puts around a text.")
    private boolean noBos;

    /** Taken by every command; here nothing is computed on a device. */
    @Mixin
    private ComputeOptions compute;

    @Override
    public Integer call() throws IOException {
        compute.check();
        Tokenizer tokenizer = tokenizer();
        PrintWriter out = spec.commandLine().getOut();
        JsonLines.read(data, (row, source) -> {
            String text = source.string(row, "text");
            int[] plain = tokenizer.encode(text, Specials.WITHOUT);
            int[] ids = noBos ? plain : tokenizer.encode(text, Specials.WITH);
            ObjectNode line = JsonNodeFactory.instance.objectNode();
            Arrays.stream(ids).forEach(line.putArray("ids")::add);
            line.put("decoded", tokenizer.decode(plain, Specials.WITH));
            out.println(line);
        });
        return 0;
    }

    /** A folder needs no weights for this. */
    private Tokenizer tokenizer() throws IOException {
        if (Files.isRegularFile(model)) {
            try (Checkpoint checkpoint = Checkpoint.open(model)) {
                return checkpoint
                        .tokenizer()
                        .orElseThrow(() -> new FormatException(model + " has no tokenizer (tokenizer.ggml.tokens)"));
            }
        }
        Path file = model.resolve(Tokenizer.FILE);
        if (!Files.isRegularFile(file)) {
            throw new FormatException(
                    model + " has no " + Tokenizer.FILE + "; copy the one that belongs to the model into it");
        }
        return Tokenizer.load(file);
    }
}
