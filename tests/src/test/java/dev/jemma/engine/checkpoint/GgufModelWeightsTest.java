package dev.jemma.engine.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.engine.api.WeightType;
import dev.jemma.engine.checkpoint.config.Place;
import dev.jemma.engine.gguf.GgmlType;
import dev.jemma.engine.quantize.WeightsCache;
import dev.jemma.engine.tensor.Conversion;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Tensor;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * {@code --weights} on GGUF files whose blocks no kernel knows: converted once, straight from the blocks, and mapped
 * from then on.
 */
final class GgufModelWeightsTest {
    private static final String QUERY = "model.layers.0.self_attn.q_proj.weight";
    private static final String DOWN = "model.layers.1.mlp.down_proj.weight";

    @TempDir
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    @SuppressWarnings("NullAway.Init")
    private Path gguf;

    @BeforeEach
    void write() throws IOException {
        gguf = folder.resolve("model.gguf");
        write(GgmlType.Q4_K);
    }

    private void write(GgmlType type) throws IOException {
        GgufModels.writeRandom(GgufModels.config256(), type, DType.BF16, gguf, folder.resolve("hf"));
    }

    private WeightsCache cache() {
        return new WeightsCache(folder.resolve("weights"), 0);
    }

    private List<Path> kept() throws IOException {
        try (Stream<Path> files = Files.list(folder.resolve("weights"))) {
            return files.toList();
        }
    }

    /** Every weight as its decoded values round to {@code weights}' type of it. */
    private static void assertRounded(Checkpoint checkpoint, ModelWeights weights) {
        for (String name : checkpoint.config().weights().sequencedKeySet()) {
            Tensor found = weights.tensor(name);
            assertThat(found.shape()).isEqualTo(checkpoint.weight(name).shape());
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment bytes = arena.allocate(found.dtype().bytes(found.shape()), 64);
                float[] values = GgufModels.values(checkpoint.weight(name));
                Conversion.round(values, Tensor.host(found.dtype(), found.shape(), bytes), 0, values.length);
                assertThat(found.segment().mismatch(bytes)).as(name).isEqualTo(-1);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "AUTO,BF16,BF16,BF16",
        "BF16,BF16,BF16,BF16",
        "Q8,Q8_0,Q8_0,Q8_0",
        "Q4,Q8_0,Q4_0,Q8_0",
    })
    void everyFormIsRoundedOnceFromWhatIsDecoded(WeightType type, DType embedding, DType query, DType down)
            throws IOException {
        for (GgmlType stored : List.of(GgmlType.Q4_K, GgmlType.Q5_K, GgmlType.Q6_K, GgmlType.Q5_0)) {
            write(stored);
            try (Checkpoint checkpoint = Checkpoint.open(gguf);
                    ModelWeights inMemory = ModelWeights.open(checkpoint, type, WeightsCache.none(), 2);
                    ModelWeights first = ModelWeights.open(checkpoint, type, cache(), 3);
                    ModelWeights second = ModelWeights.open(checkpoint, type, cache(), 1)) {
                assertThat(inMemory.tensor(Place.EMBEDDING.weight()).dtype()).isEqualTo(embedding);
                assertThat(inMemory.tensor(QUERY).dtype()).isEqualTo(query);
                assertThat(inMemory.tensor(DOWN).dtype()).isEqualTo(down);
                assertThat(inMemory.tensor(Place.FINAL_NORM.weight()).dtype()).isEqualTo(DType.BF16);
                assertThat(inMemory.description()).endsWith(", in memory");
                for (ModelWeights weights : List.of(inMemory, first, second)) {
                    assertRounded(checkpoint, weights);
                    assertThat(weights.warnings()).isEmpty();
                }
                for (ModelWeights weights : List.of(first, second)) {
                    assertThat(weights.description()).contains("kept in " + folder.resolve("weights"));
                    assertThat(weights.tensor(QUERY).segment().isMapped()).isTrue();
                }
            }
        }
    }

    @Test
    void formsThatComeToTheSameShareAFile() throws IOException {
        for (WeightType type : WeightType.values()) {
            try (Checkpoint checkpoint = Checkpoint.open(gguf)) {
                ModelWeights.open(checkpoint, type, cache(), 2).close();
            }
        }
        assertThat(kept()).as("bf16, which auto is here, q8 and q4").hasSize(3);
    }

    /** The source is damaged where neither its identity nor anything but a conversion looks. */
    @ParameterizedTest
    @EnumSource
    void existingFileIsUsedWithoutReadingTheSource(WeightType type) throws IOException {
        try (Checkpoint checkpoint = Checkpoint.open(gguf)) {
            ModelWeights.open(checkpoint, type, cache(), 2).close();
        }
        byte[] sound = Files.readAllBytes(kept().getFirst());
        FileTime time = Files.getLastModifiedTime(gguf);
        long size = Files.size(gguf);
        try (RandomAccessFile file = new RandomAccessFile(gguf.toFile(), "rw")) {
            long at = (size - 4096) * 40 / 64 + 4096 + 256; // behind one of the 64 pages that tell files apart
            file.seek(at);
            int b = file.read();
            file.seek(at);
            file.write(b ^ 0x55);
        }
        Files.setLastModifiedTime(gguf, time);
        try (Checkpoint checkpoint = Checkpoint.open(gguf);
                ModelWeights inMemory = ModelWeights.open(checkpoint, type, WeightsCache.none(), 1);
                ModelWeights found = ModelWeights.open(checkpoint, type, cache(), 1)) {
            assertThat(found.warnings()).isEmpty();
            boolean same = true;
            for (String name : checkpoint.config().weights().keySet()) {
                same &= inMemory.tensor(name)
                                .segment()
                                .mismatch(found.tensor(name).segment())
                        == -1;
            }
            assertThat(same).as("a conversion would have seen the damage").isFalse();
        }
        assertThat(kept())
                .singleElement()
                .satisfies(file -> assertThat(Files.readAllBytes(file)).isEqualTo(sound));
    }

    @ParameterizedTest
    @EnumSource
    void fileCutShortOrEmptiedIsMadeAnewWithAWarning(WeightType type) throws IOException {
        try (Checkpoint checkpoint = Checkpoint.open(gguf)) {
            ModelWeights.open(checkpoint, type, cache(), 2).close();
            Path file = kept().getFirst();
            byte[] sound = Files.readAllBytes(file);
            for (int length : new int[] {0, 7, 100, sound.length / 2, sound.length - 1}) {
                try (RandomAccessFile cut = new RandomAccessFile(file.toFile(), "rw")) {
                    cut.setLength(length);
                }
                try (ModelWeights again = ModelWeights.open(checkpoint, type, cache(), 2)) {
                    assertThat(again.warnings())
                            .as("cut to " + length)
                            .singleElement()
                            .asString()
                            .contains(file.getFileName().toString())
                            .endsWith("; converted the weights anew");
                    assertRounded(checkpoint, again);
                }
                assertThat(Files.readAllBytes(file)).isEqualTo(sound);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void sourceThatIsNewerThanTheFileIsConverted(WeightType type) throws IOException {
        try (Checkpoint checkpoint = Checkpoint.open(gguf)) {
            ModelWeights.open(checkpoint, type, cache(), 2).close();
        }
        FileTime time = Files.getLastModifiedTime(gguf);
        write(GgmlType.Q6_K); // another model under the same name
        Files.setLastModifiedTime(gguf, FileTime.fromMillis(time.toMillis() + 1000));
        try (Checkpoint checkpoint = Checkpoint.open(gguf);
                ModelWeights weights = ModelWeights.open(checkpoint, type, cache(), 2)) {
            assertRounded(checkpoint, weights);
            assertThat(weights.warnings()).isEmpty();
        }
        assertThat(kept()).hasSize(2);
    }

    @Test
    void whatIsStoredAsBlocksThatKernelsKnowStaysInPlace() throws IOException {
        write(GgmlType.Q4_0);
        for (WeightType type : List.of(WeightType.AUTO, WeightType.Q4, WeightType.Q8)) {
            try (Checkpoint checkpoint = Checkpoint.open(gguf);
                    ModelWeights weights = ModelWeights.open(checkpoint, type, cache(), 1)) {
                assertThat(weights.isConverted()).isFalse();
                assertThat(weights.tensor(QUERY).segment().address())
                        .isEqualTo(checkpoint.weight(QUERY).bytes().address());
            }
        }
        assertThat(folder.resolve("weights")).doesNotExist();
    }

    @Test
    void kernelsAreNotGivenBlocksThatTheyDoNotKnow() throws IOException {
        try (Checkpoint checkpoint = Checkpoint.open(gguf)) {
            assertThatThrownBy(() -> ModelWeights.asStored(checkpoint))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage(gguf + ": tensor 'token_embd.weight' is Q4_K, which kernels do not take;"
                            + " ModelWeights.open converts it");
        }
    }

    /** It is asked for at every start of a training, and would otherwise decode all weights. */
    @Test
    void fingerprintTellsFilesApartByTheirBlocks() throws IOException {
        String one;
        try (Checkpoint checkpoint = Checkpoint.open(gguf)) {
            one = checkpoint.fingerprint();
            MemorySegment blocks = checkpoint.weight(DOWN).bytes();
            assertThat(checkpoint.weight(DOWN).tensor()).isEmpty();
            long middle = ((GgufCheckpoint) checkpoint)
                            .file()
                            .entry("blk.1.ffn_down.weight")
                            .begin()
                    + blocks.byteSize() / 2;
            try (RandomAccessFile file = new RandomAccessFile(gguf.toFile(), "rw")) {
                file.seek(middle);
                file.write(0x77);
            }
        }
        try (Checkpoint checkpoint = Checkpoint.open(gguf)) {
            assertThat(checkpoint.fingerprint()).isNotEqualTo(one);
        }
    }
}
