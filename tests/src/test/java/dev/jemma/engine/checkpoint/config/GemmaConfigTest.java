package dev.jemma.engine.checkpoint.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.checkpoint.config.LayerConfig.HeadNorms;
import dev.jemma.engine.checkpoint.config.LayerConfig.Norms;
import dev.jemma.engine.io.JsonFile;
import dev.jemma.engine.tensor.Shape;
import dev.jemma.tests.Fuzz;
import dev.jemma.tests.FuzzTest;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class GemmaConfigTest {
    /** Gemma 3 4B as transformers 4 wrote it for the hub: most keys left out. */
    private static final String HUB_4B = """
            {"architectures":["Gemma3ForConditionalGeneration"],"boi_token_index":255999,"eoi_token_index":256000,
             "eos_token_id":[1,106],"image_token_index":262144,"initializer_range":0.02,"mm_tokens_per_image":256,
             "model_type":"gemma3","torch_dtype":"bfloat16","transformers_version":"4.50.0.dev0",
             "text_config":{"hidden_size":2560,"intermediate_size":10240,"model_type":"gemma3_text","num_hidden_layers":34,
               "rope_scaling":{"factor":8.0,"rope_type":"linear"},"sliding_window":1024},
             "vision_config":{"hidden_size":1152,"model_type":"siglip_vision_model"}}""";

    private static GemmaConfig.Parsed parse(String json) {
        return GemmaConfig.parse(JsonFile.parse(json.getBytes(StandardCharsets.UTF_8), "config.json"), "config.json");
    }

    private static GemmaConfig config(String json) {
        return parse(json).config();
    }

    @Test
    void whatTheHubLeavesOutHasTransformersDefaults() {
        GemmaConfig config = config(HUB_4B);
        assertThat(config.family()).isEqualTo(Family.GEMMA_3);
        assertThat(config.vocabSize()).isEqualTo(262_208);
        assertThat(config.maxPositionEmbeddings()).isEqualTo(131_072);
        assertThat(config.tieWordEmbeddings()).isTrue();
        assertThat(config.bosTokenId()).isEqualTo(OptionalInt.of(2));
        assertThat(config.eosTokenIds()).containsExactly(1, 106);
        LayerConfig sliding = config.layers().getFirst();
        assertThat(sliding).isEqualTo(gemma3Layer(LayerConfig.Type.SLIDING, 1024, new LayerConfig.Rope(10_000, 1)));
        LayerConfig full = config.layers().get(5);
        assertThat(full).isEqualTo(gemma3Layer(LayerConfig.Type.FULL, 0, new LayerConfig.Rope(1_000_000, 8)));
        assertThat(config.layers())
                .filteredOn(layer -> layer.type() == LayerConfig.Type.FULL)
                .hasSize(5);
        assertThat(config.weights()).containsEntry("model.layers.33.self_attn.q_proj.weight", Shape.of(2048, 2560));
    }

    private static LayerConfig gemma3Layer(LayerConfig.Type type, int window, LayerConfig.Rope rope) {
        return new LayerConfig(
                type, window, rope, 8, 4, 256, 256, 0, HeadNorms.QUERIES_AND_KEYS, 10_240, Norms.BEFORE_AND_AFTER);
    }

    @ParameterizedTest
    @CsvSource(textBlock = """
        gemma,  3072, 256000, 28, 16, 24576, 0,  0,  256, 8192,   10000,   10000
        gemma2, 2304, 256000, 26, 4,  9216,  50, 30, 256, 8192,   10000,   10000
        gemma3_text, 2304, 262208, 26, 4, 9216, 0, 0, 256, 131072, 1000000, 10000
        """)
    void anEmptyConfigIsTheClassesDefault(
            String type,
            int hidden,
            int vocab,
            int layers,
            int kv,
            int ffn,
            double attnCap,
            double finalCap,
            double scalar,
            int positions,
            double fullTheta,
            double slidingTheta) {
        GemmaConfig config = config("{\"model_type\":\"" + type + "\"}");
        assertThat(config.hiddenSize()).isEqualTo(hidden);
        assertThat(config.vocabSize()).isEqualTo(vocab);
        assertThat(config.numHiddenLayers()).isEqualTo(layers);
        assertThat(config.finalLogitSoftcapping()).isEqualTo(finalCap);
        assertThat(config.maxPositionEmbeddings()).isEqualTo(positions);
        for (LayerConfig layer : config.layers()) {
            assertThat(layer.numKeyValueHeads()).isEqualTo(kv);
            assertThat(layer.attnLogitSoftcapping()).isEqualTo(attnCap);
            assertThat(layer.queryPreAttnScalar()).isEqualTo(scalar);
            assertThat(layer.attentionScale()).isEqualTo(1 / 16f);
            assertThat(layer.intermediateSize()).isEqualTo(ffn);
            assertThat(layer.rope().theta())
                    .isEqualTo(layer.type() == LayerConfig.Type.FULL ? fullTheta : slidingTheta);
        }
    }

    @Test
    void layersSlideAsTheirFamilyAndKeysSay() {
        assertThat(types("{\"model_type\":\"gemma\",\"num_hidden_layers\":2}")).isEqualTo("FF");
        assertThat(types("{\"model_type\":\"gemma2\",\"num_hidden_layers\":5}")).isEqualTo("SFSFS");
        assertThat(types("{\"model_type\":\"gemma3_text\",\"num_hidden_layers\":7}"))
                .isEqualTo("SSSSSFS");
        assertThat(types("{\"model_type\":\"gemma3_text\",\"num_hidden_layers\":4,\"sliding_window_pattern\":2}"))
                .isEqualTo("SFSF");
        assertThat(types("{\"model_type\":\"gemma3_text\",\"num_hidden_layers\":2,\"sliding_window_pattern\":2,"
                        + "\"layer_types\":[\"full_attention\",\"sliding_attention\"]}"))
                .isEqualTo("FS");
    }

    private static String types(String json) {
        return config(json).layers().stream()
                .map(layer -> layer.type().name().substring(0, 1))
                .reduce("", String::concat);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"rope_theta\":5e5,\"rope_local_base_freq\":7e3,\"rope_scaling\":{\"rope_type\":\"linear\",\"factor\":4}",
                "\"rope_theta\":5e5,\"rope_local_base_freq\":7e3,\"rope_scaling\":{\"type\":\"linear\",\"factor\":4.0}",
                "\"rope_parameters\":{\"full_attention\":{\"rope_type\":\"linear\",\"rope_theta\":5e5,\"factor\":4},"
                        + "\"sliding_attention\":{\"rope_type\":\"default\",\"rope_theta\":7e3}}",
                "\"rope_theta\":5e5,\"rope_parameters\":{\"full_attention\":{\"rope_type\":\"linear\",\"factor\":4},"
                        + "\"sliding_attention\":{\"rope_type\":\"default\",\"rope_theta\":7e3}},\"rope_local_base_freq\":1"
            })
    void bothGenerationsOfRopeKeysSayTheSame(String keys) {
        GemmaConfig config = config("{\"model_type\":\"gemma3_text\"," + keys + "}");
        assertThat(config.layers().get(0).rope()).isEqualTo(new LayerConfig.Rope(7e3, 1));
        assertThat(config.layers().get(5).rope()).isEqualTo(new LayerConfig.Rope(5e5, 4));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
        {"model_type":"gemma3n"} | model_type is "gemma3n" (Gemma 3n); Jemma runs Gemma 1, 2 and 3 (gemma, gemma2, gemma3_text, gemma3)
        {"model_type":"gemma4_text"} | model_type is "gemma4_text" (Gemma 4); Jemma runs Gemma 1, 2 and 3 (gemma, gemma2, gemma3_text, gemma3)
        {"model_type":"llama"} | model_type is "llama"; Jemma runs Gemma 1, 2 and 3 (gemma, gemma2, gemma3_text, gemma3)
        {} | model_type is left out; Jemma runs Gemma 1, 2 and 3 (gemma, gemma2, gemma3_text, gemma3)
        {"model_type":"gemma2","attention_bias":true} | attention_bias is true, wanted false: Jemma does not compute it
        {"model_type":"gemma2","attention_dropout":0.1} | attention_dropout is 0.1, wanted 0: Jemma does not drop attention weights
        {"model_type":"gemma3_text","use_bidirectional_attention":true} | use_bidirectional_attention is true, wanted false: Jemma computes causal attention
        {"model_type":"gemma2","hidden_activation":"relu"} | hidden_activation is "relu", wanted gelu_pytorch_tanh
        {"model_type":"gemma","hidden_act":"gelu"} | hidden_act is "gelu", wanted gelu_pytorch_tanh; Gemma 1 was trained with that, correct the file
        {"model_type":"gemma2","rope_scaling":{"type":"yarn","factor":2}} | rope_scaling.rope_type is "yarn", wanted default or linear: Jemma does not compute others
        {"model_type":"gemma2","rope_scaling":{"type":"linear"}} | rope_scaling.factor is nothing, wanted the factor of linear scaling
        {"model_type":"gemma2","hidden_size":"x"} | hidden_size is "x", wanted a whole number from 1 to 1048576
        {"model_type":"gemma2","num_attention_heads":6} | num_attention_heads is 6, wanted a multiple of num_key_value_heads 4
        {"model_type":"gemma2","head_dim":7} | head_dim is 7, wanted an even number
        {"model_type":"gemma2","sliding_window":null} | sliding_window is null, wanted the window of the sliding layers
        {"model_type":"gemma2","num_hidden_layers":1,"layer_types":["chunked_attention"]} | layer_types holds "chunked_attention", wanted sliding_attention or full_attention
        {"model_type":"gemma2","num_hidden_layers":2,"layer_types":["full_attention"]} | layer_types has 1 entries, wanted one for each of 2 layers (num_hidden_layers)
        {"model_type":"gemma2","quantization_config":{"quant_method":"bitsandbytes"}} | quantization_config is set (quant_method "bitsandbytes"), wanted plain F32, F16 or BF16 weights; use the unquantized model
        {"model_type":"gemma3"} | text_config is nothing, wanted the text model's object
        """)
    void refusesByNameWhatItDoesNotCompute(String json, String message) {
        assertThatThrownBy(() -> parse(json))
                .isInstanceOf(FormatException.class)
                .hasMessageMatching("config\\.json: \\Q" + message + "\\E");
    }

    @Test
    void reportsEverythingWrongAtOnce() {
        assertThatThrownBy(() ->
                        parse("{\"model_type\":\"gemma2\",\"hidden_size\":0,\"vocab_size\":[],\"rms_norm_eps\":\"a\"}"))
                .hasMessage("config.json: hidden_size is 0, wanted a whole number from 1 to 1048576\n"
                        + "config.json: vocab_size is [], wanted a whole number from 1 to 16777216\n"
                        + "config.json: rms_norm_eps is \"a\", wanted a number from 2.2250738585072014E-308 to 1");
    }

    @Test
    void warnsOfKeysItDoesNotKnow() {
        assertThat(parse("{\"model_type\":\"gemma2\",\"moe_experts\":8}").warnings())
                .containsExactly("config.json: key 'moe_experts' is unknown to Jemma and has no effect");
    }

    @Test
    void theFirstGemmasCorrectionIsObeyedWithAWarning() {
        assertThat(parse(
                                "{\"model_type\":\"gemma\",\"hidden_act\":\"gelu\",\"hidden_activation\":\"gelu_pytorch_tanh\"}")
                        .warnings())
                .containsExactly("config.json: hidden_act is \"gelu\", hidden_activation \"gelu_pytorch_tanh\";"
                        + " Jemma computes the latter");
    }

    @Test
    void aCapWrittenAsNullIsOff() {
        assertThat(config("{\"model_type\":\"gemma2\",\"final_logit_softcapping\":null}")
                        .finalLogitSoftcapping())
                .isZero();
    }

    @FuzzTest
    void aDamagedConfigIsReadOrAFormatException() {
        byte[] whole = HUB_4B.getBytes(StandardCharsets.UTF_8);
        for (int length = 0; length < whole.length; length++) {
            byte[] cut = Arrays.copyOf(whole, length);
            assertThatThrownBy(() -> JsonFile.parse(cut, "config.json")).isInstanceOf(FormatException.class);
        }
        List<byte[]> seeds = List.of(
                whole,
                ("{\"model_type\":\"gemma2\",\"hidden_size\":64,\"num_hidden_layers\":2,\"layer_types\":[\"full_attention\","
                                + "\"sliding_attention\"],\"sliding_window\":8,\"rope_parameters\":{\"rope_theta\":10000.0,"
                                + "\"rope_type\":\"linear\",\"factor\":2},\"eos_token_id\":[1,2],\"final_logit_softcapping\":30.0}")
                        .getBytes(StandardCharsets.UTF_8));
        SplittableRandom random = new SplittableRandom(9);
        for (int i = 0; i < Fuzz.mutations(2000); i++) {
            byte[] bytes = Fuzz.mutate(seeds.get(i % 2), random);
            try {
                GemmaConfig config = GemmaConfig.parse(JsonFile.parse(bytes, "config.json"), "config.json")
                        .config();
                assertThat(config.weights()).isNotEmpty();
            } catch (FormatException expected) {
                assertThat(expected).hasMessageStartingWith("config.json");
            }
        }
    }
}
