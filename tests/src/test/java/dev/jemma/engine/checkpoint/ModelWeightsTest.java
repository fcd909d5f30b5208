package dev.jemma.engine.checkpoint;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.WeightType;
import dev.jemma.engine.checkpoint.config.Place;
import dev.jemma.engine.gemma.Closeness;
import dev.jemma.engine.gemma.GemmaModel;
import dev.jemma.engine.gemma.Inference;
import dev.jemma.engine.gemma.TinyModels;
import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.kernel.cpu.CpuKernels;
import dev.jemma.engine.quantize.WeightsCache;
import dev.jemma.engine.safetensors.SafetensorsFile;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Tensor;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ModelWeightsTest {
    private static final Path DEMO = Path.of("../cli/src/main/resources/dev/jemma/cli/demo/model");
    private static final String DOWN = "model.layers.0.mlp.down_proj.weight";
    private static final String GATE = "model.layers.0.mlp.gate_proj.weight";

    @TempDir
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    private WeightsCache cache() {
        return new WeightsCache(folder.resolve("weights"), 0);
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> files = Files.list(folder.resolve("weights"))) {
            return files.toList();
        }
    }

    private Path copyOfDemo(String name) throws IOException {
        Path copy = Files.createDirectories(folder.resolve(name));
        for (String file : List.of("config.json", "model.safetensors")) {
            Files.copy(DEMO.resolve(file), copy.resolve(file), StandardCopyOption.COPY_ATTRIBUTES);
        }
        return copy;
    }

    private static void assertSameBits(ModelWeights a, ModelWeights b, Checkpoint checkpoint) {
        for (String name : checkpoint.config().weights().keySet()) {
            assertThat(a.tensor(name).dtype()).isEqualTo(b.tensor(name).dtype());
            assertThat(a.tensor(name).segment().mismatch(b.tensor(name).segment()))
                    .as(name)
                    .isEqualTo(-1);
        }
    }

    @Test
    void autoIsWhatIsStored() throws IOException {
        try (Checkpoint checkpoint = Checkpoint.open(DEMO);
                ModelWeights weights = ModelWeights.open(checkpoint, WeightType.AUTO, cache(), 1)) {
            assertThat(weights.isConverted()).isFalse();
            assertThat(weights.tensor(DOWN))
                    .isEqualTo(checkpoint.weight(DOWN).tensor().orElseThrow());
            assertThat(weights.description()).startsWith("weights auto (BF16; ").endsWith("as stored, which is exact");
            assertThat(folder.resolve("weights")).doesNotExist();
        }
    }

    @Test
    void normsStayAndRowsThatAreNoBlocksStayAndSaySo() throws IOException {
        try (Checkpoint checkpoint = Checkpoint.open(TinyModels.ROOT.resolve("gemma3"));
                ModelWeights weights = ModelWeights.open(checkpoint, WeightType.Q8, WeightsCache.none(), 2)) {
            DType stored = checkpoint.weight(DOWN).tensor().orElseThrow().dtype();
            assertThat(weights.tensor(GATE).dtype()).isEqualTo(DType.Q8_0);
            assertThat(weights.tensor(Place.EMBEDDING.weight()).dtype()).isEqualTo(DType.Q8_0);
            assertThat(weights.tensor(Place.HEAD.weight())).isEqualTo(weights.tensor(Place.EMBEDDING.weight()));
            assertThat(weights.tensor(DOWN).dtype()).isEqualTo(stored);
            assertThat(weights.tensor(Place.FINAL_NORM.weight()).dtype()).isEqualTo(stored);
            assertThat(weights.warnings())
                    .singleElement()
                    .asString()
                    .endsWith(" weights stay as stored, because rows of q8 are blocks of 32: such as '" + DOWN
                            + "' [32, 48]");
        }
    }

    @Test
    void secondTimeWeightsAreMappedAndTheSameBits() throws IOException {
        try (Checkpoint checkpoint = Checkpoint.open(DEMO);
                ModelWeights inMemory = ModelWeights.open(checkpoint, WeightType.Q4, WeightsCache.none(), 1);
                ModelWeights first = ModelWeights.open(checkpoint, WeightType.Q4, cache(), 3)) {
            assertThat(inMemory.description()).endsWith("in memory");
            assertSameBits(inMemory, first, checkpoint);
            Path kept = files().getFirst();
            assertThat(first.description()).endsWith("kept in " + kept);
            Object written = Files.getAttribute(kept, "unix:ino");
            try (ModelWeights second = ModelWeights.open(checkpoint, WeightType.Q4, cache(), 1)) {
                assertSameBits(first, second, checkpoint);
                assertThat(second.warnings()).isEmpty();
            }
            assertThat(files()).containsExactly(kept);
            assertThat(Files.getAttribute(kept, "unix:ino")).isEqualTo(written);
        }
    }

    @Test
    void damagedFileIsConvertedAnewWithAWarning() throws IOException {
        try (Checkpoint checkpoint = Checkpoint.open(DEMO);
                ModelWeights sound = ModelWeights.open(checkpoint, WeightType.Q8, WeightsCache.none(), 1)) {
            ModelWeights.open(checkpoint, WeightType.Q8, cache(), 1).close();
            Path kept = files().getFirst();
            long size = Files.size(kept);
            for (long at : new long[] {0, 20, size / 2, size - 1, -size / 2, -size}) {
                try (RandomAccessFile file = new RandomAccessFile(kept.toFile(), "rw")) {
                    if (at < 0) {
                        file.setLength(size + at); // cut off, or emptied
                    } else {
                        long page = at == size / 2 ? largestTensorsFirstByte(kept) : at;
                        file.seek(page);
                        int b = file.read();
                        file.seek(page);
                        file.write(b ^ 0x40);
                    }
                }
                try (ModelWeights again = ModelWeights.open(checkpoint, WeightType.Q8, cache(), 1)) {
                    assertThat(again.warnings())
                            .as("damage at " + at)
                            .singleElement()
                            .asString()
                            .contains(kept.getFileName().toString())
                            .endsWith("; converted the weights anew");
                    assertSameBits(sound, again, checkpoint);
                }
                assertThat(Files.size(kept)).isEqualTo(size);
            }
        }
    }

    @Test
    void filesThatNobodyUsedForTwoMonthsGoWhenAnotherIsWritten() throws IOException {
        FileTime longAgo = FileTime.from(Instant.now().minus(Duration.ofDays(61)));
        try (Checkpoint checkpoint = Checkpoint.open(DEMO)) {
            ModelWeights.open(checkpoint, WeightType.Q8, cache(), 1).close();
            Path kept = files().getFirst();
            Files.setLastModifiedTime(kept, longAgo);
            ModelWeights.open(checkpoint, WeightType.Q8, cache(), 1).close();
            ModelWeights.open(checkpoint, WeightType.Q4, cache(), 1).close();
            assertThat(files()).as("it was used in between").hasSize(2).contains(kept);
            Files.setLastModifiedTime(kept, longAgo);
            Path moved = copyOfDemo("moved");
            Files.setLastModifiedTime(moved.resolve("model.safetensors"), FileTime.fromMillis(1));
            open(moved);
            assertThat(files()).hasSize(2).doesNotContain(kept);
        }
    }

    private static long largestTensorsFirstByte(Path file) throws IOException {
        try (SafetensorsFile opened = SafetensorsFile.open(file)) {
            return requireNonNull(opened.entries().get(Place.EMBEDDING.weight()))
                            .begin()
                    + 3;
        }
    }

    @Test
    void withoutAWritableFolderWeightsAreConvertedInMemoryWithAWarning() throws IOException {
        Path blocked = Files.writeString(folder.resolve("blocked"), "a file");
        try (Checkpoint checkpoint = Checkpoint.open(DEMO);
                ModelWeights weights = ModelWeights.open(
                        checkpoint, WeightType.Q8, new WeightsCache(blocked.resolve("weights"), 0), 1)) {
            assertThat(weights.warnings()).singleElement().asString().contains("cannot be kept in " + blocked);
            assertThat(weights.tensor(DOWN).dtype()).isEqualTo(DType.Q8_0);
        }
    }

    @Test
    void movedModelKeepsItsWeightsAndAChangedOneDoesNot() throws IOException {
        Path one = copyOfDemo("one");
        Path two = copyOfDemo("two");
        open(one);
        open(two);
        assertThat(files()).hasSize(1);
        Path weights = two.resolve("model.safetensors");
        FileTime time = Files.getLastModifiedTime(weights);
        byte[] bytes = Files.readAllBytes(weights);
        bytes[bytes.length - 1] ^= 1;
        Files.write(weights, bytes);
        Files.setLastModifiedTime(weights, time);
        open(two);
        assertThat(files()).hasSize(2);
        Files.setLastModifiedTime(weights, FileTime.fromMillis(time.toMillis() + 1));
        open(two);
        assertThat(files()).hasSize(3);
    }

    private void open(Path model) throws IOException {
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            ModelWeights.open(checkpoint, WeightType.Q8, cache(), 1).close();
        }
    }

    @Test
    void weightThatIsNoNumberIsNamed() throws IOException {
        Path broken = copyOfDemo("broken");
        Path weights = broken.resolve("model.safetensors");
        try (Checkpoint checkpoint = Checkpoint.open(broken);
                RandomAccessFile file = new RandomAccessFile(weights.toFile(), "rw")) {
            file.seek(((ModelFolder) checkpoint).shards().entry(DOWN).begin() + 2 * (384 * 5 + 7));
            file.write(new byte[] {(byte) 0xC0, 0x7F});
        }
        for (WeightsCache cache : List.of(cache(), WeightsCache.none())) {
            try (Checkpoint checkpoint = Checkpoint.open(broken)) {
                assertThatThrownBy(() -> ModelWeights.open(checkpoint, WeightType.Q8, cache, 1))
                        .isInstanceOf(FormatException.class)
                        .hasMessageContaining("weights cannot be q8: tensor '" + DOWN + "'")
                        .hasMessageContaining("row 5: value is NaN, wanted a finite one");
            }
        }
    }

    /** Relative to the logits' spread: 8 bits change them by a hundredth, 4 bits by a fraction. */
    @Test
    void logitsStayNearThoseOfTheStoredWeights() throws IOException {
        int[] ids = {2, 17, 230, 45, 99, 310, 7, 64};
        try (Checkpoint checkpoint = Checkpoint.open(DEMO);
                Kernels kernels = CpuKernels.open(2)) {
            float[] wanted = logits(checkpoint, WeightType.AUTO, kernels, ids);
            double eight = distance(wanted, logits(checkpoint, WeightType.Q8, kernels, ids));
            double four = distance(wanted, logits(checkpoint, WeightType.Q4, kernels, ids));
            assertThat(eight).isBetween(1e-5, 0.02);
            assertThat(four).isBetween(eight, 0.3);
        }
    }

    private float[] logits(Checkpoint checkpoint, WeightType type, Kernels kernels, int[] ids) throws IOException {
        try (ModelWeights weights = ModelWeights.open(checkpoint, type, WeightsCache.none(), 2);
                GemmaModel model = new GemmaModel(checkpoint, weights, kernels);
                Inference inference = new Inference(model, List.of(), Inference.Options.of(ids.length))) {
            Tensor row = inference.forward(ids, 0, ids.length);
            return Closeness.read(kernels, row);
        }
    }

    private static double distance(float[] a, float[] b) {
        double mean = 0;
        for (float x : a) {
            mean += x / a.length;
        }
        double spread = 0;
        double error = 0;
        for (int i = 0; i < a.length; i++) {
            spread += (a[i] - mean) * (a[i] - mean);
            error += (a[i] - b[i]) * (double) (a[i] - b[i]);
        }
        return Math.sqrt(error / spread);
    }

    @Test
    void refusesUnknownTypes() {
        assertThatThrownBy(() -> WeightType.parse("q5")).hasMessage("weights is 'q5', wanted auto, bf16, q8 or q4");
        assertThat(WeightType.parse("q4")).isEqualTo(WeightType.Q4);
    }
}
