package dev.jemma.cuda.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.cuda.Cuda;
import dev.jemma.cuda.CudaDevice;
import dev.jemma.cuda.StandIn;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The examples of cuda-bindings/README.md run, and the page shows them as they are. */
@ExtendWith(StandIn.class)
final class ExamplesTest {
    private static CudaDevice device() {
        return Cuda.require().device(0);
    }

    @Test
    void vectorsAdd() {
        assertThat(VectorAdd.add(device(), new float[] {1, 2, 3}, new float[] {10, 20, 30}))
                .containsExactly(11, 22, 33);
    }

    @Test
    void linearLayersMultiply() {
        short[] x = new short[2 * 8];
        short[] w = new short[3 * 8];
        for (int i = 0; i < 8; i++) {
            x[i] = bf16(1);
            x[8 + i] = bf16(i);
            w[i] = bf16(0.5f);
            w[8 + i] = bf16(i);
            w[16 + i] = bf16(-1);
        }
        assertThat(Bf16Gemm.linear(device(), x, w, 2, 8, 3)).containsExactly(4, 28, -8, 14, 140, -28);
    }

    private static short bf16(float value) {
        return (short) (Float.floatToIntBits(value) >>> 16);
    }

    @Test
    void thePageShowsTheExamplesAsTheyAre() throws Exception {
        String page = Files.readString(Path.of("..", "cuda-bindings", "README.md"));
        for (String example : new String[] {"VectorAdd", "Bf16Gemm"}) {
            String source = Files.readString(
                    Path.of("src", "test", "java", "dev", "jemma", "cuda", "examples", example + ".java"));
            assertThat(page)
                    .contains(source.substring(source.indexOf("import dev")).strip());
        }
    }
}
