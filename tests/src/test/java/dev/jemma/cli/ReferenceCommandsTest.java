package dev.jemma.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Percentage.withPercentage;

import dev.jemma.engine.gemma.ReferenceData;
import dev.jemma.tests.Shared;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What Hugging Face and PEFT computed, asked of the commands as a user would: {@code score --logits} with and without
 * an adapter, and after {@code merge}. So Jemma's own readers of checkpoints and adapters are in the path. Fresh models
 * of make_reference.py are checked with {@code -Djemma.reference=FOLDER}.
 */
final class ReferenceCommandsTest {
    /** Of the largest logit: f32 with another order of summation. */
    private static final double LOGITS = 2e-4;

    @TempDir
    private Path out;

    /** A model folder and one of its adapters, if any. */
    record Case(Path model, Optional<String> adapter) {
        Path results() {
            return model.resolve(adapter.orElse("forward") + ".safetensors");
        }

        @Override
        public String toString() {
            return model.getFileName() + adapter.map(name -> " " + name).orElse("");
        }
    }

    static Stream<Case> cases() throws IOException {
        List<Path> roots = new ArrayList<>(List.of(Ran.MODELS));
        Optional.ofNullable(System.getProperty("jemma.reference"))
                .map(Path::of)
                .or(() -> Shared.folder("reference/models"))
                .ifPresent(roots::add);
        List<Case> cases = new ArrayList<>();
        for (Path root : roots) {
            try (Stream<Path> models = Files.list(root)) {
                for (Path model : models.sorted().toList()) {
                    cases.add(new Case(model, Optional.empty()));
                    Stream.of("lora", "lora-rs-pattern", "lora-embedding")
                            .filter(name -> Files.isDirectory(model.resolve(name)))
                            .forEach(name -> cases.add(new Case(model, Optional.of(name))));
                }
            }
        }
        return cases.stream();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void scoreAndMergeGiveHuggingFacesLogitsAndLoss(Case c) throws IOException {
        try (ReferenceData wanted = new ReferenceData(c.results())) {
            Path rows = Files.writeString(out.resolve("rows.jsonl"), rows(wanted));
            List<String> adapter = c.adapter
                    .map(name -> List.of("--adapter", c.model.resolve(name).toString()))
                    .orElse(List.of());
            assertSame(c.model, adapter, rows, wanted);
            if (c.adapter.isPresent()) {
                Path merged = out.resolve("merged");
                Ran ran = Ran.jemma("merge", "--model", c.model, adapter, "--out", merged, "--dtype", "float32");
                assertThat(ran.status()).as(ran.err()).isZero();
                assertSame(merged, List.of(), rows, wanted);
            }
        }
    }

    private void assertSame(Path model, List<String> adapter, Path rows, ReferenceData wanted) throws IOException {
        Path logits = out.resolve("logits.safetensors");
        Ran ran = Ran.jemma(
                "score", "--model", model, adapter, "--data", rows, "--logits", logits, "--compute", "f32", "--json");
        assertThat(ran.status()).as(ran.err()).isZero();
        if (wanted.names().contains("loss")) {
            assertThat(ran.json().get("loss").doubleValue()).isCloseTo(wanted.floats("loss")[0], withPercentage(1e-3));
        }
        float[] all = wanted.floats("logits");
        long[] shape = wanted.shape("logits");
        int size = Math.toIntExact(shape[1] * shape[2]);
        try (ReferenceData got = new ReferenceData(logits)) {
            for (int row = 0; row < shape[0]; row++) {
                assertThat(got.shape("logits." + row)).containsExactly(shape[1], shape[2]);
                assertClose(got.floats("logits." + row), Arrays.copyOfRange(all, row * size, (row + 1) * size));
            }
        }
    }

    private static void assertClose(float[] got, float[] wanted) {
        double largest = 0;
        double off = 0;
        for (int i = 0; i < wanted.length; i++) {
            largest = Math.max(largest, Math.abs(wanted[i]));
            off = Math.max(off, Math.abs(got[i] - wanted[i]));
        }
        assertThat(off / largest).isLessThan(LOGITS);
    }

    private static String rows(ReferenceData wanted) {
        boolean labelled = wanted.names().contains("labels");
        StringBuilder rows = new StringBuilder();
        for (int row = 0; row < wanted.shape("input_ids")[0]; row++) {
            rows.append("{\"input_ids\": ").append(Arrays.toString(wanted.ints("input_ids", row)));
            if (labelled) {
                rows.append(", \"labels\": ").append(Arrays.toString(wanted.ints("labels", row)));
            }
            rows.append("}\n");
        }
        return rows.toString();
    }
}
