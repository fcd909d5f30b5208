package dev.jemma.engine.gemma;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.engine.tensor.Shape;
import dev.jemma.tests.Shared;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class CheckpointTest {
    @ParameterizedTest
    @CsvSource({"gemma1,3", "gemma2,4", "gemma3,7", "gemma3-rope-scaled,6", "gemma3-multimodal,6"})
    void opensTheReferenceCheckpoints(String name, int layers) throws IOException {
        Path folder = Shared.need("reference/models/" + name);
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.config().numHiddenLayers()).isEqualTo(layers);
            checkpoint
                    .config()
                    .weights()
                    .forEach((weight, shape) ->
                            assertThat(checkpoint.tensor(weight).shape()).isEqualTo(shape));
            assertThat(checkpoint.tensor("lm_head.weight").shape())
                    .isEqualTo(Shape.of(320, checkpoint.config().hiddenSize()));
        }
    }

    @Test
    void opensTheRealGemma() throws IOException {
        Path folder = Shared.needGemma270m();
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.parameters()).isEqualTo(268_098_176L);
            assertThat(checkpoint.warnings()).isEmpty();
            assertThat(checkpoint.templates().source()).isEqualTo("tokenizer_config.json");
            assertThat(checkpoint.tokenizer()).isPresent();
        }
    }
}
