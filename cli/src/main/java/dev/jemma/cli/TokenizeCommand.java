package dev.jemma.cli;

import dev.jemma.engine.Gemma;
import dev.jemma.engine.io.JsonLines;
import dev.jemma.engine.tokenizer.Specials;
import dev.jemma.engine.tokenizer.Tokenizer;
import java.io.PrintWriter;
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
    public Integer call() {
        compute.check();
        Tokenizer tokenizer = Gemma.tokenizer(model);
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
}
