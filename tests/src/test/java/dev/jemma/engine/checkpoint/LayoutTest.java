package dev.jemma.engine.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.engine.api.WeightType;
import dev.jemma.engine.checkpoint.config.GemmaConfig;
import dev.jemma.engine.checkpoint.config.Layout;
import dev.jemma.engine.checkpoint.config.Parameter;
import dev.jemma.engine.checkpoint.config.Place;
import dev.jemma.engine.gemma.TinyModels;
import dev.jemma.engine.tensor.DType;
import java.io.IOException;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What was saved with models and runs depends on order and numbers here. */
final class LayoutTest {
    private static Layout layout(String model) throws IOException {
        return GemmaConfig.read(TinyModels.ROOT.resolve(model).resolve("config.json"))
                .config()
                .layout();
    }

    /** The parameters of layer 1 and those outside of the layers, as transformers' model names and shapes them. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        gemma1 | input_layernorm [32] self_attn.q_proj [64, 32] self_attn.k_proj [32, 32] self_attn.v_proj [32, 32] \
        self_attn.o_proj [32, 64] post_attention_layernorm [32] mlp.gate_proj [48, 32] mlp.up_proj [48, 32] \
        mlp.down_proj [32, 48] | model.embed_tokens [96, 32] model.norm [32]
        gemma2 | input_layernorm [32] self_attn.q_proj [64, 32] self_attn.k_proj [32, 32] self_attn.v_proj [32, 32] \
        self_attn.o_proj [32, 64] post_attention_layernorm [32] pre_feedforward_layernorm [32] \
        mlp.gate_proj [48, 32] mlp.up_proj [48, 32] mlp.down_proj [32, 48] post_feedforward_layernorm [32] \
        | model.embed_tokens [96, 32] model.norm [32] lm_head [96, 32]
        gemma3 | input_layernorm [32] self_attn.q_proj [64, 32] self_attn.k_proj [32, 32] self_attn.v_proj [32, 32] \
        self_attn.o_proj [32, 64] self_attn.q_norm [16] self_attn.k_norm [16] post_attention_layernorm [32] \
        pre_feedforward_layernorm [32] mlp.gate_proj [48, 32] mlp.up_proj [48, 32] mlp.down_proj [32, 48] \
        post_feedforward_layernorm [32] | model.embed_tokens [96, 32] model.norm [32]
        """)
    void aLayerHasTheParametersOfItsGeneration(String model, String inside, String outside) throws IOException {
        Layout layout = layout(model);
        assertThat(listed(layout, 1, "model.layers.1.")).isEqualTo(inside);
        int layers = layout.config().numHiddenLayers();
        assertThat((listed(layout, -1, "") + " " + listed(layout, layers, "")).strip())
                .isEqualTo(outside);
        assertThat(layout.weights().sequencedKeySet()).first().isEqualTo("model.embed_tokens.weight");
    }

    private static String listed(Layout layout, int layer, String prefix) {
        return layout.stored().stream()
                .filter(parameter -> parameter.layer() == layer)
                .map(parameter -> parameter.module().substring(prefix.length()) + " " + parameter.shape())
                .reduce((a, b) -> a + " " + b)
                .orElse("");
    }

    /** Dropout is seeded by these numbers, so a run that was begun with others could not be resumed. */
    @ParameterizedTest
    @ValueSource(strings = {"gemma1", "gemma2", "gemma3"})
    void modulesAreNumberedFromTheEmbeddingThroughSevenPerLayerToTheHead(String model) throws IOException {
        Layout layout = layout(model);
        List<String> seven = List.of(
                "self_attn.q_proj",
                "self_attn.k_proj",
                "self_attn.v_proj",
                "self_attn.o_proj",
                "mlp.gate_proj",
                "mlp.up_proj",
                "mlp.down_proj");
        int layers = layout.config().numHiddenLayers();
        assertThat(layout.modules()).hasSize(2 + 7 * layers);
        assertThat(number(layout, "model.embed_tokens")).isZero();
        assertThat(number(layout, "lm_head")).isEqualTo(1 + 7 * layers);
        for (int l = 0; l < layers; l++) {
            for (int i = 0; i < 7; i++) {
                assertThat(number(layout, "model.layers." + l + "." + seven.get(i)))
                        .isEqualTo(1 + 7 * l + i);
            }
        }
        assertThat(layout.modules().stream().map(layout::number))
                .containsExactlyElementsOf(
                        IntStream.range(0, 2 + 7 * layers).boxed().toList());
    }

    private static int number(Layout layout, String module) {
        return layout.number(layout.module(module).orElseThrow());
    }

    @Test
    void aTiedHeadIsAModuleButNoWeightOfTheFiles() throws IOException {
        Layout layout = layout("gemma3");
        assertThat(layout.modules().getLast()).isEqualTo(layout.of(Place.HEAD));
        assertThat(layout.weights()).doesNotContainKey("lm_head.weight");
        assertThat(layout.storedName("lm_head.weight")).isEqualTo("model.embed_tokens.weight");
        assertThat(layout("gemma2").weights()).containsKey("lm_head.weight");
    }

    /** Against the table of convert_hf_to_gguf.py. */
    @ParameterizedTest
    @ValueSource(strings = {"gemma1", "gemma2", "gemma3"})
    void everyParameterHasLlamaCppsName(String model) throws IOException {
        Layout layout = layout(model);
        for (Parameter parameter : layout.parameters()) {
            assertThat(parameter.ggufName())
                    .isEqualTo(GgufModels.ggufName(
                            parameter.name(), layout.config().family()));
        }
    }

    @Test
    void fewKindsOfWeightsAreSparedFourBits() throws IOException {
        Layout layout = layout("gemma2");
        assertThat(layout.modules().stream()
                        .filter(module -> WeightTargets.of(WeightType.Q4, module, DType.BF16) == DType.Q8_0)
                        .map(Parameter::place)
                        .distinct())
                .containsExactly(Place.EMBEDDING, Place.K_PROJ, Place.V_PROJ, Place.DOWN_PROJ, Place.HEAD);
        for (WeightType type : WeightType.values()) {
            assertThat(layout.parameters())
                    .filteredOn(parameter -> !parameter.isModule())
                    .allMatch(norm -> WeightTargets.of(type, norm, DType.F32) == DType.F32);
        }
    }

    @Test
    void whatIsNotThereIsAnErrorThatNamesIt() throws IOException {
        Layout layout = layout("gemma1");
        assertThat(layout.find(0, Place.Q_NORM)).isEmpty();
        assertThatThrownBy(() -> layout.of(1, Place.Q_NORM))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("layer 1 of this Gemma 1 has no Q_NORM");
        assertThatThrownBy(Place.Q_PROJ::weight)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("Q_PROJ is in every layer, wanted a place outside of the layers");
        assertThatThrownBy(() -> layout.number(layout.of(Place.FINAL_NORM)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("the model has no module 'model.norm'");
    }

    /** Those that runs begun with the first version of Jemma carry. */
    @ParameterizedTest
    @CsvSource({
        "gemma1, 6760f4099fd972d59ccab2aa59a93fcc",
        "gemma2, e49cdd229fd7209d8e0f372a4da622fc",
        "gemma3, 2a97862cf35fd1b62e6c241e0282611c"
    })
    void aModelsFingerprintStays(String model, String fingerprint) throws IOException {
        try (Checkpoint checkpoint = Checkpoint.open(TinyModels.ROOT.resolve(model))) {
            assertThat(checkpoint.fingerprint()).isEqualTo(fingerprint);
        }
    }
}
