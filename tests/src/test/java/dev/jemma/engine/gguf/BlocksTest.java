package dev.jemma.engine.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.engine.safetensors.SafetensorsFile;
import dev.jemma.engine.tensor.Conversion;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Shape;
import dev.jemma.engine.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

/** Decoded blocks against what the Python package gguf makes of them (make_gguf_golden.py), bit for bit. */
final class BlocksTest {
    private static final Path GOLDEN = Path.of("src/test/resources/gguf/blocks.safetensors");

    @ParameterizedTest
    @EnumSource(names = {"Q8_0", "Q4_0", "Q5_0", "Q4_K", "Q5_K", "Q6_K"})
    void decodesWhatGgufDecodes(GgmlType type) throws IOException {
        try (SafetensorsFile golden = SafetensorsFile.open(GOLDEN)) {
            float[] wanted = golden.bytes(type + ".values").toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
            float[] found = new float[wanted.length];
            Blocks.decode(type, golden.bytes(type + ".blocks"), 0, found, found.length);
            assertThat(bits(found)).isEqualTo(bits(wanted));
        }
    }

    /** A run may begin at any block. */
    @ParameterizedTest
    @EnumSource(names = {"Q8_0", "Q5_0", "Q6_K"})
    void decodesFromTheMiddle(GgmlType type) throws IOException {
        try (SafetensorsFile golden = SafetensorsFile.open(GOLDEN)) {
            float[] wanted = golden.bytes(type + ".values").toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
            int start = 7 * type.blockElements();
            float[] found = new float[3 * type.blockElements()];
            Blocks.decode(type, golden.bytes(type + ".blocks"), start, found, found.length);
            assertThat(bits(found)).isEqualTo(bits(Arrays.copyOfRange(wanted, start, start + found.length)));
        }
    }

    /** Q8_0 and Q4_0 are types of tensors too: kernels compute on their blocks in place. */
    @ParameterizedTest
    @EnumSource(names = {"Q8_0", "Q4_0"})
    void tensorsInPlaceHoldTheSameValues(GgmlType type) throws IOException {
        try (SafetensorsFile golden = SafetensorsFile.open(GOLDEN)) {
            MemorySegment blocks = golden.bytes(type + ".blocks");
            float[] decoded = new float[(int) (blocks.byteSize() / type.blockBytes() * type.blockElements())];
            Blocks.decode(type, blocks, 0, decoded, decoded.length);
            DType dtype = type.dtype().orElseThrow();
            float[] widened = new float[decoded.length];
            Conversion.widen(Tensor.host(dtype, Shape.of(decoded.length), blocks), 0, widened, widened.length);
            assertThat(bits(decoded)).isEqualTo(bits(widened));
        }
    }

    @Test
    void decodesPlainFloats() {
        MemorySegment bytes = MemorySegment.ofArray(new byte[] {0, 0, (byte) 0xC0, 0x3F, 0, 0x3E, (byte) 0xC0, 0x3F});
        float[] to = new float[1];
        Blocks.decode(GgmlType.F32, bytes, 0, to, 1);
        assertThat(to[0]).isEqualTo(1.5f);
        Blocks.decode(GgmlType.F16, bytes, 2, to, 1);
        assertThat(to[0]).isEqualTo(1.5f);
        Blocks.decode(GgmlType.BF16, bytes, 3, to, 1);
        assertThat(to[0]).isEqualTo(1.5f);
    }

    @Test
    void refusesPartsOfBlocks() {
        MemorySegment block = MemorySegment.ofArray(new byte[34]);
        assertThatThrownBy(() -> Blocks.decode(GgmlType.Q8_0, block, 0, new float[16], 16))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("16 elements from 0 of Q8_0, wanted whole blocks of a readable type");
    }

    @ParameterizedTest
    @EnumSource(
            mode = Mode.EXCLUDE,
            names = {"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q5_0", "Q4_K", "Q5_K", "Q6_K"})
    void refusesOtherTypes(GgmlType type) {
        assertThat(type.isReadable()).isFalse();
        assertThat(type.dtype()).isEmpty();
        MemorySegment block = MemorySegment.ofArray(new byte[type.blockBytes()]);
        float[] to = new float[type.blockElements()];
        assertThatThrownBy(() -> Blocks.decode(type, block, 0, to, to.length))
                .isInstanceOf(IllegalArgumentException.class);
    }

    private static int[] bits(float[] values) {
        int[] bits = new int[values.length];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = Float.floatToRawIntBits(values[i]);
        }
        return bits;
    }
}
