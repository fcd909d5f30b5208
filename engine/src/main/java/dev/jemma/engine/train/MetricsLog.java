package dev.jemma.engine.train;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.TrainingEvent;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * The metrics file of a run: JSON Lines, one for each step and each evaluation, written as they happen.
 *
 * <p>A line is {@code {"step","loss","learning_rate","grad_norm","tokens","tokens_per_second","elapsed_seconds"}}, or
 * {@code {"step","eval_loss","eval_tokens"}} for an evaluation.
 */
final class MetricsLog implements AutoCloseable {
    private static final JsonMapper JSON = JsonMapper.shared();

    private final Path file;
    private final FileChannel channel;

    private MetricsLog(Path file, FileChannel channel) {
        this.file = file;
        this.channel = channel;
    }

    /**
     * Opens the file to go on after {@code step}: lines of later steps, and a last line cut short by a kill, are cut
     * off. With step 0 the file begins anew.
     */
    static MetricsLog open(Path file, long step) {
        try {
            Path parent = file.toAbsolutePath().getParent();
            if (parent != null) {
                Files.createDirectories(parent);
            }
            long keep = Files.exists(file) ? lengthUpTo(file, step) : 0;
            FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            channel.truncate(keep).position(keep);
            return new MetricsLog(file, channel);
        } catch (IOException e) {
            throw new UncheckedIOException("metrics file " + file + " cannot be opened: " + e.getMessage(), e);
        }
    }

    /** Bytes of the whole lines whose step is at most {@code step}. */
    private static long lengthUpTo(Path file, long step) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        int start = 0;
        for (int line = 1; start < bytes.length; line++) {
            int end = start;
            while (end < bytes.length && bytes[end] != '\n') {
                end++;
            }
            if (end == bytes.length) {
                break;
            }
            if (stepOf(file, line, new String(bytes, start, end - start, StandardCharsets.UTF_8)) > step) {
                break;
            }
            start = end + 1;
        }
        return start;
    }

    private static long stepOf(Path file, int line, String text) {
        try {
            JsonNode step = JSON.readTree(text).path("step");
            if (step.isIntegralNumber()) {
                return step.longValue();
            }
        } catch (JacksonException e) {
            throw FormatException.atLine(
                    file, line, "is no JSON, so this is not a metrics file of a run; name another --metrics");
        }
        throw FormatException.atLine(
                file, line, "has no integer 'step', so this is not a metrics file of a run; name another --metrics");
    }

    void write(TrainingEvent.Stepped event) {
        ObjectNode line = JSON.createObjectNode();
        line.put("step", event.step());
        line.put("loss", event.loss());
        line.put("learning_rate", event.learningRate());
        line.put("grad_norm", event.gradNorm());
        line.put("tokens", event.tokens());
        line.put("tokens_per_second", event.tokensPerSecond());
        line.put("elapsed_seconds", event.elapsedSeconds());
        append(line);
    }

    void write(TrainingEvent.Evaluated event) {
        ObjectNode line = JSON.createObjectNode();
        line.put("step", event.step());
        line.put("eval_loss", event.loss());
        line.put("eval_tokens", event.tokens());
        append(line);
    }

    private void append(ObjectNode line) {
        try {
            ByteBuffer bytes = ByteBuffer.wrap((JSON.writeValueAsString(line) + "\n").getBytes(StandardCharsets.UTF_8));
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("metrics file " + file + " cannot be written: " + e.getMessage(), e);
        }
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw new UncheckedIOException("metrics file " + file + " cannot be closed: " + e.getMessage(), e);
        }
    }
}
