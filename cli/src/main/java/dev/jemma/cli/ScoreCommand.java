package dev.jemma.cli;

import dev.jemma.engine.Gemma;
import dev.jemma.engine.Scorer;
import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.RowOptions.Supervise;
import dev.jemma.engine.api.TrainingExample;
import dev.jemma.engine.safetensors.SafetensorsWriter;
import dev.jemma.engine.safetensors.SafetensorsWriter.Planned;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Shape;
import dev.jemma.engine.train.RowEncoder;
import dev.jemma.engine.train.RowEncoder.End;
import dev.jemma.engine.train.RowReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.node.ObjectNode;

@Command(
        name = "score",
        description = "Mean loss over supervised tokens, perplexity, and logits if wanted.",
        mixinStandardHelpOptions = true)
final class ScoreCommand implements Callable<Integer> {
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

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
            int context = gemma.checkpoint().config().maxPositionEmbeddings();
            List<TrainingExample> examples = new ArrayList<>();
            RowEncoder encoder = Rows.encoder(gemma, adapters, Supervise.ASSISTANT, End.OPEN);
            RowReader.read(data, (row, source, line) -> {
                TrainingExample example = encoder.encode(row, data, line);
                if (example.ids().length > context) {
                    throw FormatException.atLine(
                            data,
                            line,
                            "has " + example.ids().length + " tokens, the model was made for " + context
                                    + "; rows are never cut when they are scored");
                }
                examples.add(example);
            });
            Scorer.Loss loss = Scorer.Loss.NONE;
            for (TrainingExample example : examples) {
                loss = loss.plus(scorer.loss(example.ids(), example.labels()));
            }
            print(examples.size(), loss);
            if (logits.isPresent()) {
                write(
                        logits.get(),
                        scorer,
                        examples,
                        gemma.checkpoint().config().vocabSize());
            }
            return 0;
        }
    }

    private void print(int rows, Scorer.Loss loss) {
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            ObjectNode result = JsonLines.JSON.createObjectNode();
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

    /** A file of all rows' logits, written a row of the vocabulary at a time. */
    private static void write(Path file, Scorer scorer, List<TrainingExample> examples, int vocabulary)
            throws IOException {
        List<Planned> planned = new ArrayList<>();
        Map<String, TrainingExample> byName = new HashMap<>();
        for (int i = 0; i < examples.size(); i++) {
            Shape shape = Shape.of(examples.get(i).ids().length, vocabulary);
            planned.add(Planned.of("logits." + i, DType.F32, shape));
            byName.put("logits." + i, examples.get(i));
        }
        float[] row = new float[vocabulary];
        MemorySegment bytes = MemorySegment.ofBuffer(ByteBuffer.allocateDirect(4 * vocabulary));
        try (SafetensorsWriter writer = new SafetensorsWriter(file, planned, SafetensorsWriter.PYTORCH)) {
            for (Planned next : writer.order()) {
                TrainingExample example = Objects.requireNonNull(byName.get(next.name()));
                scorer.logits(example.ids(), row, t -> {
                    MemorySegment.copy(row, 0, bytes, FLOAT, 0, row.length);
                    try {
                        writer.append(bytes);
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                });
            }
            writer.commit();
        }
    }
}
