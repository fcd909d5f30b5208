package dev.jemma.engine;

import dev.jemma.engine.api.TrainingExample;
import dev.jemma.engine.safetensors.SafetensorsWriter;
import dev.jemma.engine.safetensors.SafetensorsWriter.Planned;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Shape;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** A safetensors file of the logits of some rows, written a row of the vocabulary at a time. */
final class LogitsFile {
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private LogitsFile() {}

    /** Writes a tensor {@code logits.<index>} [T, V], f32, per row. */
    static void write(Path file, List<TrainingExample> rows, int vocabulary, Scorer scorer) throws IOException {
        List<Planned> planned = new ArrayList<>();
        Map<String, TrainingExample> byName = new HashMap<>();
        for (int i = 0; i < rows.size(); i++) {
            planned.add(
                    Planned.of("logits." + i, DType.F32, Shape.of(rows.get(i).ids().length, vocabulary)));
            byName.put("logits." + i, rows.get(i));
        }
        float[] row = new float[vocabulary];
        MemorySegment bytes = MemorySegment.ofBuffer(ByteBuffer.allocateDirect(Float.BYTES * vocabulary));
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
