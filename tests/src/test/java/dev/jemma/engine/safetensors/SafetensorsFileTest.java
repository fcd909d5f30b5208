package dev.jemma.engine.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Shape;
import dev.jemma.tests.Fuzz;
import dev.jemma.tests.FuzzTest;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class SafetensorsFileTest {
    private static final String SOUND = """
            {"__metadata__":{"format":"pt"},\
            "a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},\
            "b":{"dtype":"BF16","shape":[3],"data_offsets":[8,14]},\
            "c":{"dtype":"I64","shape":[],"data_offsets":[14,22]},\
            "d":{"dtype":"F8_E4M3","shape":[2,0],"data_offsets":[22,22]},\
            "e":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[22,24]}}""";

    @TempDir
    Path folder;

    private static byte[] bytes(String header, int data) {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        ByteBuffer file = ByteBuffer.allocate(8 + json.length + data).order(ByteOrder.LITTLE_ENDIAN);
        file.putLong(json.length).put(json);
        for (int i = 0; i < data; i++) {
            file.put((byte) i);
        }
        return file.array();
    }

    private Path file(byte[] content) throws IOException {
        return Files.write(folder.resolve("model.safetensors"), content);
    }

    @Test
    void tensorsAreViewsOfTheFile() throws IOException {
        try (SafetensorsFile file = SafetensorsFile.open(file(bytes(SOUND, 24)))) {
            assertThat(file.names()).containsExactly("a", "b", "c", "d", "e");
            assertThat(file.metadata()).containsEntry("format", "pt");
            assertThat(file.tensor("a").shape()).isEqualTo(Shape.of(2, 1));
            assertThat(file.tensor("a").segment().toArray(ValueLayout.JAVA_BYTE))
                    .containsExactly(0, 1, 2, 3, 4, 5, 6, 7);
            assertThat(file.tensor("b").dtype()).isEqualTo(DType.BF16);
            assertThat(file.tensor("c").elements()).isEqualTo(1);
        }
    }

    @Test
    void aTensorThatTheFileDoesNotAlignIsCopiedIntoPlace() throws IOException {
        for (int padding = 0; padding < 8; padding++) {
            try (SafetensorsFile file = SafetensorsFile.open(file(bytes(SOUND + " ".repeat(padding), 24)))) {
                assertThat(file.tensor("c").segment().address() % 8).isZero();
                assertThat(file.tensor("c").segment().toArray(ValueLayout.JAVA_BYTE))
                        .containsExactly(14, 15, 16, 17, 18, 19, 20, 21);
            }
        }
    }

    @Test
    void typesWithoutArithmeticAreListedAndRefusedByName() throws IOException {
        try (SafetensorsFile file = SafetensorsFile.open(file(bytes(SOUND, 24)))) {
            assertThat(file.entries())
                    .extractingByKey("e")
                    .extracting(TensorEntry::type)
                    .isEqualTo(StoredType.F8_E4M3);
            assertThatThrownBy(() -> file.tensor("e"))
                    .isInstanceOf(FormatException.class)
                    .hasMessage("model.safetensors: tensor 'e' has dtype F8_E4M3, which Jemma does not compute with;"
                            + " wanted one of F32, F16, BF16, I32, I64");
            assertThatThrownBy(() -> file.tensor("z"))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("model.safetensors: has no tensor 'z'");
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
        {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}} | 6 | tensor 'b' starts at data byte 2, wanted 4: it overlaps another
        {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}} | 12 | tensor 'b' starts at data byte 8, wanted 4: there is a gap before it
        {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} | 3 | is 65 bytes, its header wants 66: the file is cut off, download it again
        {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} | 5 | is 67 bytes, its header wants 66: there is data behind the last tensor
        {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}} | 4 | tensor 'a' of shape [2] and dtype F32 has 4 bytes, wanted 8
        {"a":{"dtype":"F128","shape":[1],"data_offsets":[0,4]}} | 4 | tensor 'a' has dtype "F128", which safetensors does not have
        {"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}} | 4 | tensor 'a' has shape [-1], wanted a list of whole numbers
        {"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}} | 4 | tensor 'a' of shape [4294967296,4294967296] does not fit any file
        {"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}} | 4 | tensor 'a' has data_offsets [4,0], wanted [begin, end]
        {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} | 4 | header:1:58: is not JSON: Duplicate Object property "a"
        {"a":7} | 0 | tensor 'a' has dtype nothing, which safetensors does not have
        {"__metadata__":{"format":7}} | 0 | __metadata__.format is 7, wanted a string
        [] | 0 | header does not start with '{': not a safetensors file
        """)
    void refusesMalformedHeaders(String header, int data, String message) throws IOException {
        Path path = file(bytes(header, data));
        assertThatThrownBy(() -> SafetensorsFile.open(path))
                .isInstanceOf(FormatException.class)
                .hasMessageStartingWith("model.safetensors: " + message);
    }

    @Test
    void refusesAHeaderLongerThanTheFile() throws IOException {
        byte[] bytes = bytes("{}", 0);
        bytes[7] = (byte) 0x80;
        Path path = file(bytes);
        assertThatThrownBy(() -> SafetensorsFile.open(path))
                .hasMessage("model.safetensors: header length is 9223372036854775810, wanted at most 2:"
                        + " not a safetensors file, or cut off");
    }

    @FuzzTest
    void truncationAnywhereIsAFormatException() throws IOException {
        byte[] whole = bytes(SOUND, 24);
        for (int length = 0; length < whole.length; length++) {
            Path path = file(Arrays.copyOf(whole, length));
            assertThatThrownBy(() -> SafetensorsFile.open(path))
                    .as("%d bytes", length)
                    .isInstanceOf(FormatException.class)
                    .hasMessageStartingWith("model.safetensors: ");
        }
    }

    @FuzzTest
    void mutationsAreReadOrAreAFormatException() throws IOException {
        byte[] whole = bytes(SOUND, 24);
        SplittableRandom random = new SplittableRandom(3);
        for (int i = 0; i < Fuzz.mutations(1000); i++) {
            Path path = file(Fuzz.mutate(whole, random));
            try (SafetensorsFile file = SafetensorsFile.open(path)) {
                for (TensorEntry entry : file.entries().values()) {
                    if (entry.type().dtype().isPresent()) {
                        assertThat(file.tensor(entry.name()).segment().byteSize())
                                .isEqualTo(entry.bytes());
                    }
                }
            } catch (FormatException expected) {
                assertThat(expected).hasMessageStartingWith("model.safetensors: ");
            }
        }
    }

    @Test
    void aFileThatChangedUnderneathIsNoticed() throws IOException {
        Path path = file(bytes(SOUND, 24));
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            file.checkUnchanged();
            FileTime opened = Files.getLastModifiedTime(path);
            Files.setLastModifiedTime(path, FileTime.fromMillis(opened.toMillis() + 5000));
            assertThatThrownBy(file::checkUnchanged)
                    .hasMessage("model.safetensors: was written to after it was opened; open the model again");
            Files.write(path, new byte[3]);
            assertThatThrownBy(file::checkUnchanged)
                    .isInstanceOf(FormatException.class)
                    .hasMessageMatching(
                            "model.safetensors: is 3 bytes, was \\d+ when it was opened; open the model again");
        }
    }

    @Test
    void aTensorUsedAfterClosingFails() throws IOException {
        SafetensorsFile file = SafetensorsFile.open(file(bytes(SOUND, 24)));
        var tensor = file.tensor("a");
        file.close();
        file.close();
        assertThatThrownBy(() -> tensor.segment().get(ValueLayout.JAVA_BYTE, 0))
                .isInstanceOf(IllegalStateException.class);
    }
}
