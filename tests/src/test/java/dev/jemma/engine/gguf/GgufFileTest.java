package dev.jemma.engine.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Shape;
import dev.jemma.tests.Fuzz;
import dev.jemma.tests.FuzzTest;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class GgufFileTest {
    @TempDir
    Path folder;

    private static byte[] numbered(int bytes) {
        byte[] data = new byte[bytes];
        for (int i = 0; i < bytes; i++) {
            data[i] = (byte) i;
        }
        return data;
    }

    private static GgufWriter sound() {
        return new GgufWriter()
                .text("general.architecture", "gemma3")
                .whole("a.whole", 7)
                .raw("a.long", GgufValue.Type.UINT64, new byte[] {-1, -1, -1, -1, -1, -1, -1, -1})
                .real("a.real", 1e-6f)
                .flag("a.flag", true)
                .ints("a.ints", 1, -2, 3)
                .floats("a.floats", 0.5f, -1)
                .texts("a.texts", List.of("one", "", "drei"))
                .tensor("x", GgmlType.F32, numbered(8), 2)
                .tensor("y", GgmlType.Q8_0, numbered(68), 2, 32)
                .tensor("z", GgmlType.Q2_K, numbered(84), 256);
    }

    private Path file(byte[] content) throws IOException {
        return Files.write(folder.resolve("m.gguf"), content);
    }

    private void refuses(byte[] content, String message) throws IOException {
        Path path = file(content);
        assertThatThrownBy(() -> GgufFile.open(path))
                .isInstanceOf(FormatException.class)
                .hasMessageStartingWith("m.gguf: " + message);
    }

    private static byte[] changed(byte[] content, Consumer<ByteBuffer> change) {
        byte[] copy = content.clone();
        change.accept(ByteBuffer.wrap(copy).order(ByteOrder.LITTLE_ENDIAN));
        return copy;
    }

    /** Where {@code text} begins in the file. */
    private static int find(byte[] content, String text) {
        return new String(content, StandardCharsets.ISO_8859_1).indexOf(text);
    }

    @Test
    void metadataByType() throws IOException {
        try (GgufFile file = GgufFile.open(file(sound().bytes()))) {
            Metadata metadata = file.metadata();
            assertThat(file.version()).isEqualTo(3);
            assertThat(metadata.text("general.architecture")).contains("gemma3");
            assertThat(metadata.whole("a.whole", 0, 9)).contains(7L);
            assertThat(metadata.number("a.real")).contains(1e-6);
            assertThat(metadata.number("a.whole")).contains(7.0);
            assertThat(metadata.flag("a.flag")).contains(true);
            assertThat(metadata.ints("a.ints").orElseThrow()).containsExactly(1, -2, 3);
            assertThat(metadata.floats("a.floats").orElseThrow()).containsExactly(0.5f, -1);
            assertThat(metadata.strings("a.texts").orElseThrow())
                    .containsExactly(
                            "one".getBytes(StandardCharsets.UTF_8),
                            new byte[0],
                            "drei".getBytes(StandardCharsets.UTF_8));
            assertThat(metadata.indexOf("a.texts", "drei")).hasValue(2);
            assertThat(metadata.indexOf("a.texts", "dre")).isEmpty();
            assertThat(metadata.text("gone")).isEmpty();
            assertThat(metadata.values().sequencedKeySet()).first().isEqualTo("general.architecture");
        }
    }

    @Test
    void aValueOfAnotherTypeIsShown() throws IOException {
        try (GgufFile file = GgufFile.open(file(sound().bytes()))) {
            Metadata metadata = file.metadata();
            assertThatThrownBy(() -> metadata.whole("a.whole", 8, 9))
                    .hasMessage("m.gguf: a.whole is 7, wanted a whole number from 8 to 9");
            assertThatThrownBy(() -> metadata.whole("general.architecture", 8, 9))
                    .hasMessage("m.gguf: general.architecture is \"gemma3\", wanted a whole number from 8 to 9");
            assertThatThrownBy(() -> metadata.whole("a.long", 0, Long.MAX_VALUE))
                    .hasMessage("m.gguf: a.long is 18446744073709551615, wanted a whole number from 0 to"
                            + " 9223372036854775807");
            assertThatThrownBy(() -> metadata.text("a.flag"))
                    .hasMessage("m.gguf: a.flag is true, wanted a STRING of at most 16777216 bytes");
            assertThatThrownBy(() -> metadata.flag("a.real")).hasMessage("m.gguf: a.real is 1.0E-6, wanted a BOOL");
            assertThatThrownBy(() -> metadata.floats("a.ints"))
                    .hasMessage("m.gguf: a.ints is an array of 3 INT32, wanted an array of [FLOAT32]");
            assertThatThrownBy(() -> metadata.number("a.texts"))
                    .hasMessage("m.gguf: a.texts is an array of 3 STRING, wanted a finite number");
        }
    }

    @Test
    void tensorsAreViewsOfTheFile() throws IOException {
        try (GgufFile file = GgufFile.open(file(sound().bytes()))) {
            assertThat(file.tensors().sequencedKeySet()).containsExactly("x", "y", "z");
            assertThat(file.entry("y").shape()).isEqualTo(Shape.of(2, 32));
            assertThat(file.inPlace("x").orElseThrow().dtype()).isEqualTo(DType.F32);
            MemorySegment blocks = file.inPlace("y").orElseThrow().segment();
            assertThat(blocks.toArray(ValueLayout.JAVA_BYTE)).isEqualTo(numbered(68));
            assertThat(file.inPlace("z")).isEmpty();
            assertThat(file.data("z").byteSize()).isEqualTo(84);
            assertThatThrownBy(() -> file.data("w")).hasMessage("m.gguf: has no tensor 'w'");
        }
    }

    @Test
    void versionTwoIsTheSame() throws IOException {
        try (GgufFile file = GgufFile.open(file(changed(sound().bytes(), bytes -> bytes.putInt(4, 2))))) {
            assertThat(file.version()).isEqualTo(2);
            assertThat(file.tensors()).hasSize(3);
        }
    }

    @Test
    void otherFilesAndVersionsAreRefusedByName() throws IOException {
        byte[] sound = sound().bytes();
        refuses(new byte[] {'G', 'G'}, "is 2 bytes, too short for a GGUF file");
        refuses(
                "PK\3\4and more".getBytes(StandardCharsets.US_ASCII),
                "byte 0: begins with bytes 50 4b 03 04, wanted GGUF");
        refuses("tjgg....".getBytes(StandardCharsets.US_ASCII), "is a GGML file of the time before GGUF, wanted GGUF;");
        refuses(
                changed(sound, bytes -> bytes.putInt(4, 1)),
                "byte 4: the version of GGUF is 1, wanted 2 or 3; version 1 was");
        refuses(changed(sound, bytes -> bytes.putInt(4, 9)), "byte 4: the version of GGUF is 9, wanted 2 or 3");
        refuses(
                changed(sound, bytes -> bytes.putInt(4, Integer.reverseBytes(3))),
                "is a big-endian GGUF file (version 3), wanted little-endian;");
    }

    @Test
    void countsAndLengthsBeyondTheFileAreRefused() throws IOException {
        byte[] sound = sound().bytes();
        refuses(
                changed(sound, bytes -> bytes.putLong(8, -1)),
                "byte 8: the number of tensors is 18446744073709551615, wanted at most ");
        refuses(
                changed(sound, bytes -> bytes.putLong(16, 1L << 40)),
                "byte 16: the number of metadata pairs is 1099511627776, wanted at most ");
        refuses(
                changed(sound, bytes -> bytes.putLong(24, 1L << 62)),
                "byte 24: the number of bytes of the key of metadata pair 0 is 4611686018427387904, wanted at most ");
        int array = find(sound, "a.ints") + 6;
        refuses(
                changed(sound, bytes -> bytes.putLong(array + 8, 1L << 33)),
                "byte " + (array + 8)
                        + ": the number of elements of the value of 'a.ints' is 8589934592, wanted at most ");
        refuses(
                changed(sound, bytes -> bytes.putInt(array + 4, GgufValue.Type.ARRAY.id())),
                "byte " + (array + 4) + ": the value of 'a.ints' is an array of arrays");
        refuses(
                changed(sound, bytes -> bytes.putInt(array, 13)),
                "byte " + array + ": the value of 'a.ints' has type 13, wanted 0 to 12");
        int flag = find(sound, "a.flag") + 6;
        refuses(
                changed(sound, bytes -> bytes.put(flag + 4, (byte) 2)),
                "byte " + (flag + 4) + ": the value of 'a.flag' is the BOOL 2, wanted 0 or 1");
    }

    @Test
    void tensorsThatDoNotFitAreRefused() throws IOException {
        byte[] sound = sound().bytes();
        // x: rank, dimension, type, offset behind its name
        int info = find(sound, "\1\0\0\0\0\0\0\0x") + 9;
        refuses(
                changed(sound, bytes -> bytes.putInt(info, 5)),
                "byte " + (info - 9) + ": tensor 'x' has 5 dimensions, wanted at most 4");
        refuses(
                changed(sound, bytes -> bytes.putLong(info + 4, -2)),
                "byte " + (info + 4) + ": tensor 'x' has a dimension of 18446744073709551614, which no file can hold");
        refuses(
                changed(sound, bytes -> bytes.putLong(info + 4, Long.MAX_VALUE)),
                "byte " + (info - 9) + ": tensor 'x' of shape [9223372036854775807] does not fit any file");
        refuses(
                changed(sound, bytes -> bytes.putInt(info + 12, 4)),
                "byte " + (info + 12)
                        + ": tensor 'x' has type 4, which ggml does not have, or had and removed; wanted one of F32,");
        refuses(
                changed(sound, bytes -> bytes.putInt(info + 12, GgmlType.Q8_0.id())),
                "byte " + (info - 9) + ": tensor 'x' of type Q8_0 has rows of 2 elements, wanted a multiple of 32");
        refuses(
                changed(sound, bytes -> bytes.putLong(info + 16, 1 << 20)),
                "byte " + (info - 9) + ": tensor 'x' lies at data byte 1048576 with 8 bytes, the file has ");
        refuses(
                changed(sound, bytes -> bytes.putLong(info + 16, 4)),
                "byte " + (info - 9) + ": tensor 'x' lies at data byte 4, wanted a multiple of 32 (general.alignment)");
        byte[] overlapping = changed(sound, bytes -> bytes.putLong(info + 16, 64));
        Path path = file(overlapping);
        assertThatThrownBy(() -> GgufFile.open(path)).hasMessageContaining("begins within the one before it");
    }

    @Test
    void namesAreThereOnce() throws IOException {
        Path twice = new GgufWriter()
                .tensor("x", GgmlType.F32, numbered(8), 2)
                .tensor("x", GgmlType.F32, numbered(8), 2)
                .write(folder.resolve("m.gguf"));
        assertThatThrownBy(() -> GgufFile.open(twice)).hasMessageContaining(": the tensor 'x' is there twice");
        byte[] keys = new GgufWriter().whole("a", 1).whole("b", 2).bytes();
        int second = find(keys, "b");
        refuses(
                changed(keys, bytes -> bytes.put(second, (byte) 'a')),
                "byte " + (second - 8) + ": the key 'a' is there twice");
    }

    @Test
    void alignmentIsAPowerOfTwo() throws IOException {
        refuses(
                sound().whole("general.alignment", 24).bytes(),
                "general.alignment is 24, wanted a power of two from 8 on");
        refuses(
                sound().whole("general.alignment", 4).bytes(),
                "general.alignment is 4, wanted a whole number from 8 to");
    }

    @FuzzTest
    void truncationAnywhereIsAFormatException() throws IOException {
        byte[] whole = sound().bytes();
        for (int length = 0; length < whole.length; length++) {
            Path path = file(Arrays.copyOf(whole, length));
            assertThatThrownBy(() -> GgufFile.open(path))
                    .as("%d bytes", length)
                    .isInstanceOf(FormatException.class)
                    .hasMessageStartingWith("m.gguf: ");
        }
    }

    @FuzzTest
    void mutationsAreReadOrAreAFormatException() throws IOException {
        byte[] whole = sound().bytes();
        SplittableRandom random = new SplittableRandom(5);
        for (int i = 0; i < Fuzz.mutations(2000); i++) {
            Path path = file(Fuzz.mutate(whole, random));
            try (GgufFile file = GgufFile.open(path)) {
                for (GgufTensor tensor : file.tensors().values()) {
                    assertThat(file.data(tensor.name()).byteSize()).isEqualTo(tensor.bytes());
                    file.inPlace(tensor.name());
                }
                Metadata metadata = file.metadata();
                metadata.values().forEach((key, value) -> {
                    assertThat(Metadata.describe(value)).isNotEmpty();
                    if (value instanceof GgufValue.Array array && array.elements() == GgufValue.Type.STRING) {
                        assertThat(metadata.strings(key).orElseThrow()).hasSize((int) array.count());
                        metadata.indexOf(key, "drei");
                    }
                    if (value instanceof GgufValue.Text) {
                        metadata.text(key);
                    }
                });
            } catch (FormatException expected) {
                assertThat(expected).hasMessageStartingWith("m.gguf: ");
            }
        }
    }

    @Test
    void aFileThatChangedUnderneathIsNoticed() throws IOException {
        Path path = file(sound().bytes());
        try (GgufFile file = GgufFile.open(path)) {
            file.checkUnchanged();
            FileTime opened = Files.getLastModifiedTime(path);
            Files.setLastModifiedTime(path, FileTime.fromMillis(opened.toMillis() + 5000));
            assertThatThrownBy(file::checkUnchanged)
                    .hasMessage("m.gguf: was written to after it was opened; open the model again");
        }
    }

    @Test
    void aTensorUsedAfterClosingFails() throws IOException {
        GgufFile file = GgufFile.open(file(sound().bytes()));
        MemorySegment data = file.data("x");
        file.close();
        file.close();
        assertThatThrownBy(() -> data.get(ValueLayout.JAVA_BYTE, 0)).isInstanceOf(IllegalStateException.class);
    }
}
