package dev.jemma.cli;

import dev.jemma.engine.Gemma;
import dev.jemma.engine.api.RowOptions.Supervise;
import dev.jemma.engine.train.RowEncoder;
import dev.jemma.engine.train.RowEncoder.End;
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
                () -> gemma.chatFormat(adapters),
                ends.isEmpty() ? 1 : ends.getFirst(),
                gemma.checkpoint().config().vocabSize(),
                supervise,
                end);
    }
}
