package dev.jemma.cli;

import dev.jemma.engine.Gemma;
import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.template.TemplateException;
import dev.jemma.engine.train.RowEncoder;
import dev.jemma.engine.train.RowEncoder.End;
import dev.jemma.engine.train.RowEncoder.Supervise;
import dev.jemma.engine.train.TrainingExample;
import dev.jemma.engine.train.TrainingRow;
import java.nio.file.Path;
import java.util.List;

/** Rows of files, encoded for an open model. */
final class Rows {
    private Rows() {}

    /** What turns rows into ids the way {@code gemma} with {@code adapters} wants them. */
    static RowEncoder encoder(Gemma gemma, List<Path> adapters, Supervise supervise, End end) {
        List<Integer> ends = gemma.checkpoint().generation().eosTokenIds();
        return new RowEncoder(
                gemma::tokenizer,
                () -> gemma.conversations(adapters),
                ends.isEmpty() ? 1 : ends.getFirst(),
                supervise,
                end);
    }

    /** The ids and labels of one row; what cannot be rendered is a complaint about its line. */
    static TrainingExample encode(RowEncoder encoder, TrainingRow row, Path file, long line) {
        try {
            return encoder.encode(row);
        } catch (TemplateException e) {
            throw FormatException.atLine(file, line, "the conversation cannot be rendered: " + e.getMessage());
        }
    }
}
