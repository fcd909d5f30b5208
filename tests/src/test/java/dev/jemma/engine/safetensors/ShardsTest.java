package dev.jemma.engine.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Shape;
import dev.jemma.engine.tensor.Tensor;
import dev.jemma.tests.Fuzz;
import dev.jemma.tests.FuzzTest;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class ShardsTest {
    private static final String INDEX =
            "{\"metadata\":{\"total_size\":8},\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"two.safetensors\"}}";

    @TempDir
    Path folder;

    @BeforeEach
    void shards() throws IOException {
        shard("one.safetensors", "a");
        shard("two.safetensors", "b");
        Files.writeString(folder.resolve("model.safetensors.index.json"), INDEX);
    }

    private void shard(String file, String tensor) throws IOException {
        var tensors = new LinkedHashMap<String, Tensor>();
        tensors.put(tensor, Tensor.host(DType.F32, Shape.of(1), MemorySegment.ofArray(new byte[4])));
        SafetensorsWriter.write(folder.resolve(file), tensors, Map.of());
    }

    @Test
    void theIndexSaysWhichFileHoldsATensor() throws IOException {
        try (Shards shards = Shards.open(folder)) {
            assertThat(shards.names()).containsExactly("a", "b");
            assertThat(shards.file("b").path().getFileName()).hasToString("two.safetensors");
            assertThat(shards.entries()).hasSize(2);
        }
    }

    @Test
    void aSingleFileWinsOverAnIndex() throws IOException {
        shard("model.safetensors", "c");
        try (Shards shards = Shards.open(folder)) {
            assertThat(shards.names()).containsExactly("c");
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
        {"weight_map":{"a":"one.safetensors","b":"one.safetensors"}} | places tensor 'b' in one.safetensors, which does not hold it
        {"weight_map":{"a":"gone.safetensors"}} | names the shard 'gone.safetensors', which is not there; download it
        {"weight_map":{"a":"../one.safetensors"}} | weight_map.a is "../one.safetensors", wanted the name of a .safetensors file in the same folder
        {"weight_map":{"a":7}} | weight_map.a is 7, wanted the name of a .safetensors file in the same folder
        {"weight_map":[]} | weight_map is [], wanted an object
        {} | weight_map is nothing, wanted an object of tensor names and file names
        """)
    void refusesAnIndexThatDoesNotFit(String index, String message) throws IOException {
        Files.writeString(folder.resolve("model.safetensors.index.json"), index);
        assertThatThrownBy(() -> Shards.open(folder))
                .isInstanceOf(FormatException.class)
                .hasMessage("model.safetensors.index.json: " + message);
    }

    @Test
    void saysWhenThereAreNoWeights() throws IOException {
        Files.delete(folder.resolve("model.safetensors.index.json"));
        assertThatThrownBy(() -> Shards.open(folder))
                .hasMessage(folder + ": has no weights: neither model.safetensors nor model.safetensors.index.json;"
                        + " Jemma reads safetensors only, convert other formats with transformers' save_pretrained");
    }

    @FuzzTest
    void aDamagedIndexIsReadOrAFormatException() throws IOException {
        byte[] whole = INDEX.getBytes(StandardCharsets.UTF_8);
        for (int length = 0; length < whole.length; length++) {
            byte[] cut = Arrays.copyOf(whole, length);
            assertThatThrownBy(() -> open(cut)).as("%d bytes", cut.length).isInstanceOf(FormatException.class);
        }
        SplittableRandom random = new SplittableRandom(5);
        for (int i = 0; i < Fuzz.mutations(1000); i++) {
            try {
                open(Fuzz.mutate(whole, random));
            } catch (FormatException expected) {
                assertThat(expected).hasMessageStartingWith("model.safetensors.index.json:");
            }
        }
    }

    private void open(byte[] index) throws IOException {
        Files.write(folder.resolve("model.safetensors.index.json"), index);
        Shards.open(folder).close();
    }
}
