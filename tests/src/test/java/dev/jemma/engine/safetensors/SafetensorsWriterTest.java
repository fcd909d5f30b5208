package dev.jemma.engine.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.engine.safetensors.SafetensorsWriter.Planned;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Shape;
import dev.jemma.engine.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class SafetensorsWriterTest {
    @TempDir
    Path folder;

    private static Tensor bytes(DType dtype, int... values) {
        byte[] bytes = new byte[values.length];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) values[i];
        }
        return Tensor.host(dtype, Shape.of(bytes.length / dtype.blockBytes()), MemorySegment.ofArray(bytes));
    }

    @Test
    void largerTypesComeFirstThenNamesAndTheDataIsAligned() throws IOException {
        Path path = folder.resolve("x.safetensors");
        var tensors = new LinkedHashMap<String, Tensor>();
        tensors.put("z", bytes(DType.BF16, 1, 2));
        tensors.put("b", bytes(DType.F32, 3, 4, 5, 6));
        tensors.put("a", bytes(DType.F32, 7, 8, 9, 10));
        SafetensorsWriter.write(path, tensors, SafetensorsWriter.PYTORCH);
        assertThat(Files.readString(path, StandardCharsets.ISO_8859_1))
                .contains(
                        "{\"__metadata__\":{\"format\":\"pt\"},\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                                + "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]},"
                                + "\"z\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[8,10]}}");
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertThat(file.entries().firstEntry().getValue().begin() % 8).isZero();
            tensors.forEach(
                    (name, tensor) -> assertThat(file.tensor(name).segment().mismatch(tensor.segment()))
                            .isEqualTo(-1));
        }
    }

    @Test
    void theOldFileStaysUntilTheNewOneIsWhole() throws IOException {
        Path path = folder.resolve("x.safetensors");
        Files.writeString(path, "old");
        try (SafetensorsWriter writer =
                new SafetensorsWriter(path, List.of(Planned.of("a", DType.F32, Shape.of(2))), Map.of())) {
            writer.append(MemorySegment.ofArray(new byte[4]));
            assertThat(path).hasContent("old");
            assertThatThrownBy(writer::commit).hasMessage("4 bytes of tensors were written, 8 were planned");
        }
        assertThat(path).hasContent("old");
        assertThat(folder).isDirectoryContaining(file -> file.equals(path)).isDirectoryNotContaining("glob:**.tmp");
    }

    @Test
    void moreBytesThanPlannedAreRefused() throws IOException {
        try (SafetensorsWriter writer = new SafetensorsWriter(
                folder.resolve("x"), List.of(Planned.of("a", DType.F32, Shape.of(2))), Map.of())) {
            assertThatThrownBy(() -> writer.append(MemorySegment.ofArray(new byte[9])))
                    .hasMessage("more bytes than the planned tensors have: 9, wanted 8");
        }
        assertThat(folder).isEmptyDirectory();
    }
}
