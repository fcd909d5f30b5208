package dev.jemma.engine.eval;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.io.JsonLines;
import dev.jemma.engine.toolcall.CallEvent;
import dev.jemma.engine.toolcall.ParsedReply;
import dev.jemma.engine.toolcall.Repair;
import dev.jemma.engine.toolcall.ToolCallFormat;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * Judges answers in one format.
 *
 * @param format how the model writes calls
 * @param allowed the repairs that are applied when answers are read
 */
public record Judge(ToolCallFormat format, Set<Repair> allowed) {
    public Judge {
        Objects.requireNonNull(format, "format");
        allowed = Set.copyOf(allowed);
    }

    /** Judges with every repair. */
    public Judge(ToolCallFormat format) {
        this(format, ToolCallFormat.ALL_REPAIRS);
    }

    /**
     * Judges one answer. As on the leaderboard, an answer of which any call cannot be read has no calls: wrong where
     * calls are wanted, right where none is.
     */
    public Verdict judge(EvalRow row, String prediction) {
        ParsedReply reply = format.parse(prediction, allowed);
        Optional<CallEvent.Malformed> malformed = reply.malformed().stream().findFirst();
        Optional<AstChecker.Mistake> mistake;
        if (malformed.isPresent() && !row.accepted().isEmpty()) {
            mistake = Optional.of(new AstChecker.Mistake(
                    "ast_decoder:decoder_failed", malformed.get().error().toString()));
        } else {
            mistake = AstChecker.check(row.tools(), row.accepted(), malformed.isPresent() ? List.of() : reply.calls());
        }
        return new Verdict(
                row,
                prediction,
                mistake.map(AstChecker.Mistake::kind).orElse(""),
                mistake.map(AstChecker.Mistake::message).orElse(""),
                reply.calls().size(),
                malformed.isEmpty(),
                reply.repairs(),
                reply.calls().stream()
                        .flatMap(call -> SchemaCheck.problems(row.tools(), call).stream())
                        .toList());
    }

    /**
     * Judges one prediction for each row.
     *
     * @throws IllegalArgumentException if a row has no prediction
     */
    public List<Verdict> judge(List<EvalRow> rows, Map<String, String> predictions) {
        List<String> missing = rows.stream()
                .map(EvalRow::id)
                .filter(id -> !predictions.containsKey(id))
                .toList();
        if (!missing.isEmpty()) {
            throw new IllegalArgumentException(
                    missing.size() + " of " + rows.size() + " rows have no prediction, the first is '"
                            + missing.getFirst() + "'; predictions are lines {\"id\", \"prediction\"}");
        }
        return rows.stream()
                .map(row -> judge(row, Objects.requireNonNull(predictions.get(row.id()))))
                .toList();
    }

    /**
     * Reads predictions by id from a {@link JsonLines} file of {@code {"id", "prediction"}}; other keys are ignored.
     *
     * @throws FormatException if a line is none, or an id occurs twice
     * @throws java.io.UncheckedIOException if the file cannot be read
     */
    public static Map<String, String> readPredictions(Path file) {
        Map<String, String> predictions = new LinkedHashMap<>();
        JsonLines.read(file, (row, source) -> {
            String id = source.string(row, "id");
            if (predictions.put(id, source.string(row, "prediction")) != null) {
                throw source.complaint("id '" + id + "' occurs twice");
            }
        });
        return predictions;
    }
}
