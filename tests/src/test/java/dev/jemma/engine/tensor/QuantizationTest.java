package dev.jemma.engine.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class QuantizationTest {
    private final Random random = new Random(7);

    private float[] normal(int count) {
        float[] x = new float[count];
        for (int i = 0; i < count; i++) {
            x[i] = (float) random.nextGaussian();
        }
        return x;
    }

    private static float[] throughBlocks(DType dtype, float... x) {
        try (HostSlab slab = new HostSlab(dtype.bytes(x.length) + 64)) {
            Tensor blocks = slab.allocate(dtype, x.length);
            Conversion.round(x, blocks, 0, x.length);
            float[] back = new float[x.length];
            Conversion.widen(blocks, 0, back, x.length);
            return back;
        }
    }

    /** Squared errors, each times the square of its element: what the scale of a Q4_0 block minimises. */
    private static double weightedError(float[] a, float[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * (double) a[i] * ((double) a[i] - b[i]) * ((double) a[i] - b[i]);
        }
        return sum;
    }

    @Test
    void tensorsOfBlockTypesHaveRowsOfWholeBlocks() {
        assertThat(DType.Q8_0.bytes(Shape.of(3, 64))).isEqualTo(3 * 2 * 34);
        assertThat(DType.Q4_0.bytes(Shape.of(3, 64))).isEqualTo(3 * 2 * 18);
        try (HostSlab slab = new HostSlab(1 << 12)) {
            assertThatThrownBy(() -> slab.allocate(DType.Q8_0, 32, 48))
                    .hasMessage("a Q8_0 tensor of shape [32, 48], wanted a last dimension that is a multiple of 32");
            Tensor t = slab.allocate(DType.Q4_0, 5, 64);
            assertThat(t.rows(1, 3).segment().byteSize()).isEqualTo(2 * 36);
            assertThat(t.rows(1, 3).segment().address() - t.segment().address()).isEqualTo(36);
            assertThatThrownBy(() -> t.reshape(320).rows(0, 16))
                    .hasMessage("16 elements of Q4_0, wanted a multiple of 32");
            assertThatThrownBy(() -> Conversion.round(new float[48], t, 0, 48))
                    .hasMessage("48 elements of Q4_0, wanted a multiple of 32");
        }
    }

    @Test
    void bytesAreThoseOfGguf() {
        float[] x = new float[32];
        for (int i = 0; i < 32; i++) {
            x[i] = (i - 16) * 0.5f;
        }
        try (HostSlab slab = new HostSlab(1 << 10)) {
            Tensor q4 = slab.allocate(DType.Q4_0, 32);
            for (int i = 0; i < 32; i++) {
                x[i] = (i % 16 - 8) * 0.5f;
            }
            Conversion.round(x, q4, 0, 32);
            assertThat(q4.segment().toArray(ValueLayout.JAVA_BYTE))
                    .startsWith(0, 0x38, 0x00, 0x11, 0x22)
                    .endsWith(0xEE, 0xFF); // 0.5 in binary16, then low nibble = element i, high nibble = element i + 16
            Tensor q8 = slab.allocate(DType.Q8_0, 32);
            x[0] = -127 * 0.25f;
            x[1] = 0.3f;
            Conversion.round(x, q8, 0, 32);
            assertThat(q8.segment().toArray(ValueLayout.JAVA_BYTE))
                    .startsWith(0, 0x34, -127, 1, -12)
                    .hasSize(34);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"Q8_0", "Q4_0"})
    void everyElementIsTheNearestThatItsBlockHolds(DType dtype) {
        int most = dtype == DType.Q8_0 ? 127 : 7;
        int least = dtype == DType.Q8_0 ? -127 : -8;
        for (float scale : new float[] {1, 1e-4f, 3e4f}) {
            float[] x = normal(32 * 50);
            for (int i = 0; i < x.length; i++) {
                x[i] *= scale;
            }
            try (HostSlab slab = new HostSlab(dtype.bytes(x.length) + 64)) {
                Tensor blocks = slab.allocate(dtype, x.length);
                Conversion.round(x, blocks, 0, x.length);
                float[] back = new float[x.length];
                Conversion.widen(blocks, 0, back, x.length);
                for (int i = 0; i < x.length; i++) {
                    long at = i / 32 * (long) dtype.blockBytes();
                    float d = Float.float16ToFloat(blocks.segment().get(ValueLayout.JAVA_SHORT_UNALIGNED, at));
                    double best = Double.MAX_VALUE;
                    for (int q = least; q <= most; q++) {
                        best = Math.min(best, Math.abs((double) d * q - x[i]));
                    }
                    assertThat(Math.abs((double) back[i] - x[i])).isLessThanOrEqualTo(best + 1e-6 * Math.abs(d));
                }
            }
        }
    }

    @Test
    void fourBitsAreCloserThanTheExtremeOverMinusEight() {
        float[] x = normal(32 * 1000);
        float[] plain = new float[x.length];
        for (int block = 0; block < x.length; block += 32) {
            float extreme = 0;
            for (int i = block; i < block + 32; i++) {
                extreme = Math.abs(x[i]) > Math.abs(extreme) ? x[i] : extreme;
            }
            float d = Float.float16ToFloat(Float.floatToFloat16(extreme / -8));
            for (int i = block; i < block + 32; i++) {
                plain[i] = d * Math.clamp((float) Math.rint(x[i] / d), -8, 7);
            }
        }
        assertThat(weightedError(x, throughBlocks(DType.Q4_0, x))).isLessThan(0.9 * weightedError(x, plain));
    }

    @Test
    void zerosStayZerosAndTinyBlocksVanish() {
        for (DType dtype : new DType[] {DType.Q8_0, DType.Q4_0}) {
            assertThat(throughBlocks(dtype, new float[64])).containsOnly(0f);
            float[] tiny = new float[32];
            tiny[3] = Float.MIN_VALUE;
            tiny[4] = -1e-30f;
            assertThat(throughBlocks(dtype, tiny)).containsOnly(0f);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"Q8_0", "Q4_0"})
    void whatNoScaleHoldsIsRefused(DType dtype) {
        float[] x = normal(32);
        x[5] = Float.NaN;
        assertThatThrownBy(() -> throughBlocks(dtype, x)).hasMessage("value is NaN, wanted a finite one");
        x[5] = 1e8f;
        assertThatThrownBy(() -> throughBlocks(dtype, x)).hasMessageContaining("wanted at most 65504");
        assertThatThrownBy(() -> Conversion.rounded(1, dtype))
                .hasMessage("dtype is " + dtype + ", wanted a plain float type");
    }

    @Test
    void runsMayBeginAndEndInsideABlock() {
        float[] x = normal(128);
        try (HostSlab slab = new HostSlab(1 << 10)) {
            Tensor blocks = slab.allocate(DType.Q4_0, 2, 64);
            Conversion.round(x, blocks, 0, 128);
            float[] all = new float[128];
            Conversion.widen(blocks, 0, all, 128);
            float[] part = new float[50];
            Conversion.widen(blocks, 45, part, 50);
            assertThat(part).containsExactly(Arrays.copyOfRange(all, 45, 95));
        }
    }
}
