package dev.jemma.samebits;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

/** What same_bits.sh compares with must see a single bit, and nothing that is no result. */
final class SeenTest {
    private final Arena arena = Arena.ofConfined();

    @TempDir
    private Path folder;

    @AfterEach
    void close() {
        arena.close();
    }

    private Seen tensors(String header, int... numbers) throws IOException {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        ByteBuffer bytes =
                ByteBuffer.allocate(8 + json.length + 4 * numbers.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(json.length).put(json);
        for (int number : numbers) {
            bytes.putInt(number);
        }
        Path file = Files.write(Files.createTempFile(folder, "", ".safetensors"), bytes.array());
        Seen seen = new Seen(arena);
        seen.tensors("score", file);
        return seen;
    }

    private Seen figures(String json) {
        Seen seen = new Seen(arena);
        seen.figures("train", JsonMapper.shared().readTree(json), List.of("loss"));
        return seen;
    }

    private static String header(String dtype, String shape, int bytes) {
        return "{\"x\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":[0," + bytes + "]}}";
    }

    @Test
    void oneBitIsNamedWithItsPlaceAndBothNumbers() throws IOException {
        int one = Float.floatToRawIntBits(1);
        Seen before = tensors(header("F32", "[2,3]", 24), one, one, one, one, one, one);
        Seen after = tensors(header("F32", "[2,3]", 24), one, one, one, one, one + 1, one + 1);
        assertThat(before.differences(after))
                .containsExactly("score: tensor 'x' F32 [2, 3] differs first at [1, 1]: 1.0 (3f800000) before, "
                        + "1.0000001 (3f800001) after; 2 of 6 numbers differ");
        assertThat(before.differences(before)).isEmpty();
    }

    @Test
    void numbersOfTwoBytesArePlacedByTwo() throws IOException {
        assertThat(tensors(header("BF16", "[4]", 8), 0x3F803F80, 0x3F803F80)
                        .differences(tensors(header("BF16", "[4]", 8), 0x3F803F80, 0x40003F80)))
                .containsExactly("score: tensor 'x' BF16 [4] differs first at [3]: 1.0 (3f80) before, "
                        + "2.0 (4000) after; 1 of 4 numbers differ");
        assertThat(tensors(header("F16", "[2]", 4), 0x3C003C00)
                        .differences(tensors(header("F16", "[2]", 4), 0x3C00BC00)))
                .containsExactly("score: tensor 'x' F16 [2] differs first at [0]: 1.0 (3c00) before, "
                        + "-1.0 (bc00) after; 1 of 2 numbers differ");
        assertThat(tensors(header("U8", "[4]", 4), 0x04030201).differences(tensors(header("U8", "[4]", 4), 0x0403FF01)))
                .containsExactly("score: tensor 'x' U8 [4] differs first at [1]: bytes 02 before, "
                        + "bytes ff after; 1 of 4 numbers differ");
    }

    @Test
    void zerosOfBothSignsDifferAndTheSameNanDoesNot() throws IOException {
        Seen zero = tensors(header("F32", "[1]", 4), 0);
        Seen negative = tensors(header("F32", "[1]", 4), 0x80000000);
        Seen nan = tensors(header("F32", "[1]", 4), 0x7FC00000);
        assertThat(zero.differences(negative)).hasSize(1);
        assertThat(nan.differences(tensors(header("F32", "[1]", 4), 0x7FC00000)))
                .isEmpty();
    }

    @Test
    void orderOfTheHeaderAndItsMetadataAreNoResult() throws IOException {
        String a = "\"a\":{\"dtype\":\"I32\",\"shape\":[1],\"data_offsets\":[%d,%d]}";
        String b = "\"b\":{\"dtype\":\"I32\",\"shape\":[1],\"data_offsets\":[%d,%d]}";
        Seen before = tensors("{" + a.formatted(0, 4) + "," + b.formatted(4, 8) + "}", 7, 8);
        Seen after = tensors(
                "{\"__metadata__\":{\"format\":\"pt\"}," + b.formatted(0, 4) + "," + a.formatted(4, 8) + "}", 8, 7);
        assertThat(before.differences(after)).isEmpty();
    }

    @Test
    void shapesTypesAndNamesAreCompared() throws IOException {
        Seen before = tensors(header("F32", "[2,1]", 8), 1, 2);
        assertThat(before.differences(tensors(header("F32", "[2]", 8), 1, 2)))
                .containsExactly("score: tensor 'x' is F32 [2, 1] before, F32 [2] after");
        assertThat(before.differences(tensors(header("I32", "[2,1]", 8), 1, 2)))
                .containsExactly("score: tensor 'x' is F32 [2, 1] before, I32 [2, 1] after");
        assertThat(before.differences(tensors(header("F32", "[2,1]", 8).replace("\"x\"", "\"y\""), 1, 2)))
                .containsExactly("score: tensor 'x' is missing after", "score: tensor 'y' is new after");
    }

    @Test
    void lossesAreComparedToTheirLastDigitAndTimesAreNot() {
        Seen before = figures("{\"loss\":7.25434,\"elapsed_seconds\":1}");
        assertThat(before.differences(figures("{\"loss\":7.25434,\"elapsed_seconds\":2}")))
                .isEmpty();
        assertThat(before.differences(figures("{\"loss\":7.25435}")))
                .containsExactly("train: loss is 7.25434 before, 7.25435 after");
    }

    @Test
    void onlyTheSurroundingsOfADifferenceInLongTextAreShown() {
        assertThat(new Figure("a".repeat(100) + "b" + "c".repeat(100))
                        .difference(new Figure("a".repeat(100) + "x" + "c".repeat(100))))
                .contains("..." + "a".repeat(40) + "b" + "c".repeat(39) + "... before, ..." + "a".repeat(40) + "x"
                        + "c".repeat(39) + "... after");
    }

    @Test
    void aFigureThatIsNotThereIsAnErrorAndNoEquality() {
        assertThatThrownBy(() -> figures("{\"lost\":1}")).hasMessage("train gave no 'loss': {\"lost\":1}");
    }

    @Test
    void whatWasComparedIsCounted() throws IOException {
        assertThat(tensors(header("F32", "[2,1]", 8), 1, 2)
                        .count()
                        .plus(figures("{\"loss\":1}").count()))
                .hasToString("1 tensors of 2 numbers, 1 figures");
    }
}
