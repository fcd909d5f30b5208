package dev.jemma.cli;

import dev.jemma.engine.Evaluation;
import dev.jemma.engine.Gemma;
import dev.jemma.engine.eval.EvalReport;
import dev.jemma.engine.eval.EvalResult;
import dev.jemma.engine.eval.EvalRow;
import dev.jemma.engine.eval.Judge;
import dev.jemma.engine.eval.Verdict;
import dev.jemma.engine.toolcall.ToolCallFormat;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

@Command(
        name = "eval",
        description =
                "Function-calling accuracy by the Berkeley leaderboard's AST rules, of a model or of given predictions.",
        mixinStandardHelpOptions = true)
final class EvalCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private ModelOptions model;

    @Option(names = "--adapter", paramLabel = "DIR", description = "Adapter folder; several add up.")
    private List<Path> adapters = List.of();

    @Option(
            names = "--predictions",
            paramLabel = "P.jsonl",
            description = "Answers of any system, {\"id\",\"prediction\"}, instead of a model's.")
    private Optional<Path> predictions = Optional.empty();

    @Option(
            names = "--data",
            required = true,
            paramLabel = "ROWS.jsonl",
            description = "Rows with messages, tools and accept (or the row's own calls).")
    private Path data;

    @Option(
            names = "--details",
            paramLabel = "OUT.jsonl",
            description = "Write {\"id\",\"correct\",\"reason\",\"prediction\"} a row.")
    private Optional<Path> details = Optional.empty();

    @Option(
            names = "--max-new-tokens",
            defaultValue = "256",
            paramLabel = "N",
            description = "Most tokens of an answer (${DEFAULT-VALUE}).")
    private int maxNewTokens;

    @Option(names = "--json", description = "Print one JSON document.")
    private boolean json;

    @Override
    public Integer call() throws IOException {
        if (predictions.isPresent() == model.given().isPresent()) {
            throw new ParameterException(spec.commandLine(), "name either --model or --predictions");
        }
        List<Verdict> verdicts;
        OptionalDouble speed = OptionalDouble.empty();
        if (predictions.isPresent()) {
            Judge judge =
                    new Judge(ToolCallFormat.named(model.options().toolFormat().orElse("hermes")));
            verdicts = judge.judge(EvalRow.readAll(data), Judge.readPredictions(predictions.get()));
        } else {
            List<EvalRow> rows = EvalRow.questions(data);
            try (Gemma gemma = model.open(spec)) {
                Evaluation evaluation = gemma.evaluate(rows).maxNewTokens(maxNewTokens);
                adapters.forEach(evaluation::adapter);
                try (Interrupts interrupts = Interrupts.call(evaluation::cancel)) {
                    EvalResult result =
                            evaluation.start(new EvalProgress(spec.commandLine().getErr()));
                    if (!result.finished()) {
                        return Failures.INTERRUPTED;
                    }
                    verdicts = result.verdicts();
                    speed = OptionalDouble.of(result.tokensPerSecond());
                }
            }
        }
        if (details.isPresent()) {
            writeDetails(details.get(), verdicts);
        }
        print(EvalReport.of(verdicts, speed));
        return 0;
    }

    private static void writeDetails(Path file, List<Verdict> verdicts) throws IOException {
        try (BufferedWriter writer = Files.newBufferedWriter(file)) {
            for (Verdict verdict : verdicts) {
                ObjectNode line = JsonNodeFactory.instance.objectNode();
                line.put("id", verdict.row().id());
                line.put("correct", verdict.correct());
                line.put("reason", verdict.reason());
                line.put("prediction", verdict.prediction());
                writer.write(line.toString());
                writer.newLine();
            }
        }
    }

    private void print(EvalReport report) {
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(report.toJson().toPrettyString());
            return;
        }
        out.printf(
                Locale.ROOT,
                "%d of %d right: %.1f %% (95 %% between %.1f and %.1f)%n",
                report.all().correct(),
                report.all().rows(),
                100 * report.all().rate(),
                100 * report.all().low(),
                100 * report.all().high());
        out.printf(
                Locale.ROOT,
                "parsed %.1f %%, valid by schema %.1f %%%n",
                100 * report.parsed().rate(),
                100 * report.schemaValid().rate());
        report.byCategory()
                .forEach((category, part) ->
                        out.printf(Locale.ROOT, "  %-24s %d of %d%n", category, part.correct(), part.rows()));
        if (report.unseenTools().rows() > 0) {
            out.printf(
                    Locale.ROOT,
                    "  %-24s %d of %d%n",
                    "unseen tools",
                    report.unseenTools().correct(),
                    report.unseenTools().rows());
        }
    }
}
