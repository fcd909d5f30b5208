package dev.jemma.cli;

import dev.jemma.engine.Gemma;
import dev.jemma.engine.Scorer;
import dev.jemma.engine.api.TrainingExample;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

@Command(
        name = "score",
        description = "Mean loss over supervised tokens, perplexity, and logits if wanted.",
        mixinStandardHelpOptions = true)
final class ScoreCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private ModelOptions model;

    @Option(names = "--adapter", paramLabel = "DIR", description = "Adapter folder; several add up.")
    private List<Path> adapters = List.of();

    @Option(
            names = "--data",
            required = true,
            paramLabel = "ROWS.jsonl",
            description = "Rows as in training, or {\"input_ids\",\"labels\"}; without labels every token counts.")
    private Path data;

    @Option(
            names = "--logits",
            paramLabel = "OUT.safetensors",
            description = "Write tensor logits.<row index> [T, V] float32 of every row.")
    private Optional<Path> logits = Optional.empty();

    @Option(names = "--json", description = "Print {\"rows\",\"tokens\",\"loss\",\"perplexity\"}.")
    private boolean json;

    @Override
    public Integer call() throws IOException {
        try (Gemma gemma = model.open(spec);
                Scorer scorer = gemma.scorer(adapters)) {
            scorer.warnings().forEach(warning -> spec.commandLine().getErr().println("warning: " + warning));
            List<TrainingExample> rows = scorer.read(data);
            Scorer.Loss loss = Scorer.Loss.NONE;
            for (TrainingExample row : rows) {
                loss = loss.plus(scorer.loss(row));
            }
            print(rows.size(), loss);
            if (logits.isPresent()) {
                scorer.writeLogits(rows, logits.get());
            }
            return 0;
        }
    }

    private void print(int rows, Scorer.Loss loss) {
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            ObjectNode result = JsonNodeFactory.instance.objectNode();
            result.put("rows", rows).put("tokens", loss.tokens());
            if (loss.tokens() == 0) {
                result.putNull("loss").putNull("perplexity");
            } else {
                result.put("loss", loss.mean()).put("perplexity", loss.perplexity());
            }
            out.println(result);
        } else if (loss.tokens() == 0) {
            out.println(rows + " rows, no supervised tokens");
        } else {
            out.printf(
                    Locale.ROOT,
                    "%s rows, %s supervised tokens: loss %.6f, perplexity %.4f%n",
                    Texts.count(rows),
                    Texts.count(loss.tokens()),
                    loss.mean(),
                    loss.perplexity());
        }
    }
}
