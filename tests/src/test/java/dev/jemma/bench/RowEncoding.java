package dev.jemma.bench;

import dev.jemma.engine.Gemma;
import dev.jemma.engine.api.RowOptions.Supervise;
import dev.jemma.engine.api.RowOptions.TooLong;
import dev.jemma.engine.train.Dataset;
import dev.jemma.engine.train.RowEncoder;
import dev.jemma.engine.train.RowEncoder.End;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * How long does a training file take from JSON to token ids and labels? The first reading is what a user waits for: the
 * JVM has just started and compiles while it reads; the later ones show what is left of that.
 *
 * <p>Recipe: run {@code main MODEL ROWS.jsonl [READINGS]}. Each line has the wall and the processor time of one
 * reading, the tokens, and a hash of all ids and labels, so that two commits can be compared.
 */
public final class RowEncoding {
    private RowEncoding() {}

    /** Arguments as in the recipe. */
    public static void main(String[] args) {
        int readings = args.length > 2 ? Integer.parseInt(args[2]) : 3;
        try (Gemma gemma = Gemma.open(Path.of(args[0]))) {
            for (int i = 0; i < readings; i++) {
                long wall = System.nanoTime();
                long processor = processorNanos();
                RowEncoder encoder = new RowEncoder(
                        gemma::tokenizer,
                        () -> gemma.chatFormat(List.of()),
                        1,
                        gemma.tokenizer().size(),
                        Supervise.ASSISTANT,
                        End.EOS,
                        Runtime.getRuntime().availableProcessors());
                Dataset dataset = Dataset.read(Path.of(args[1]), encoder, 2048, TooLong.LEAVE_OUT, List.of());
                System.out.printf(
                        Locale.ROOT,
                        "%.2f s, %.2f s of processors, %,d rows, %,d tokens, hash %08x%n",
                        (System.nanoTime() - wall) / 1e9,
                        (processorNanos() - processor) / 1e9,
                        dataset.report().rows(),
                        dataset.report().tokens(),
                        dataset.examples().stream()
                                .mapToInt(e -> 31 * Arrays.hashCode(e.ids()) + Arrays.hashCode(e.labels()))
                                .reduce(1, (a, b) -> 31 * a + b));
            }
        }
    }

    private static long processorNanos() {
        return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
                .getProcessCpuTime();
    }
}
