package dev.jemma.engine.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.LoraConfig;
import dev.jemma.engine.checkpoint.config.GemmaConfig;
import dev.jemma.engine.checkpoint.config.Parameter;
import dev.jemma.engine.io.JsonFile;
import dev.jemma.tests.Fuzz;
import dev.jemma.tests.FuzzTest;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.node.ObjectNode;

final class LoraConfigTest {
    private static final GemmaConfig MODEL = model("gemma2");

    private static GemmaConfig model(String type) {
        String inner =
                "\"num_hidden_layers\":3,\"hidden_size\":8,\"intermediate_size\":16,\"head_dim\":4,\"vocab_size\":32";
        String json = type.equals("gemma3")
                ? "{\"model_type\":\"gemma3\",\"text_config\":{" + inner + "}}"
                : "{\"model_type\":\"" + type + "\"," + inner + "}";
        return GemmaConfig.parse(json(json), "config.json").config();
    }

    private static ObjectNode json(String text) {
        return JsonFile.parse(text.getBytes(StandardCharsets.UTF_8), "adapter_config.json");
    }

    private static LoraConfigJson.Parsed parse(String keys) {
        return LoraConfigJson.parse(json("{\"peft_type\":\"LORA\"" + keys + "}"), "adapter_config.json");
    }

    private static Set<String> targeted(String keys, GemmaConfig model) {
        return ModuleNames.targeted(parse(keys).config(), model).keySet().stream()
                .map(Parameter::module)
                .collect(Collectors.toSet());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
        ,"target_modules":["q_proj"] | model.layers.0.self_attn.q_proj model.layers.1.self_attn.q_proj model.layers.2.self_attn.q_proj
        ,"target_modules":["1.self_attn.q_proj"] | model.layers.1.self_attn.q_proj
        ,"target_modules":["model.layers.2.mlp.up_proj","lm_head"] | model.layers.2.mlp.up_proj lm_head
        ,"target_modules":["proj","embed_tokens"] | model.embed_tokens
        ,"target_modules":".*\\\\.[02]\\\\..*k_proj" | model.layers.0.self_attn.k_proj model.layers.2.self_attn.k_proj
        ,"target_modules":"model\\\\.layers\\\\.(?P<n>[[1])\\\\.mlp\\\\.up_proj" | model.layers.1.mlp.up_proj
        ,"target_modules":["v_proj"],"exclude_modules":["1.self_attn.v_proj"] | model.layers.0.self_attn.v_proj model.layers.2.self_attn.v_proj
        ,"target_modules":["v_proj"],"exclude_modules":".*[02].*" | model.layers.1.self_attn.v_proj
        ,"target_modules":["v_proj","lm_head"],"layers_to_transform":[1] | model.layers.1.self_attn.v_proj
        ,"target_modules":["v_proj"],"layers_to_transform":2,"layers_pattern":"layers" | model.layers.2.self_attn.v_proj
        """)
    void meansTheModulesThatPeftMeans(String keys, String modules) {
        assertThat(targeted(keys, MODEL)).containsExactlyInAnyOrder(modules.split(" "));
    }

    @Test
    void allLinearIsEveryLinearMapButTheHead() {
        assertThat(targeted(",\"target_modules\":\"All-Linear\"", MODEL))
                .hasSize(21)
                .doesNotContain("lm_head", "model.embed_tokens");
    }

    @Test
    void withoutTargetsGemmasDefaultsAreQueriesAndValues() {
        assertThat(targeted("", MODEL)).hasSize(6).allMatch(name -> name.endsWith("q_proj") || name.endsWith("v_proj"));
    }

    @Test
    void aPatternMayUseTheNamesOfOldOrNewMultimodalClasses() {
        assertThat(targeted(",\"target_modules\":\"model\\\\.language_model\\\\..*up_proj\"", model("gemma3")))
                .hasSize(3);
        assertThat(targeted(",\"target_modules\":\"language_model\\\\.model\\\\..*up_proj\"", model("gemma3")))
                .hasSize(3);
    }

    @Test
    void ranksAndScalesFollowTheFirstPatternThatMatches() {
        LoraConfig config = parse(",\"r\":8,\"lora_alpha\":16,\"target_modules\":[\"q_proj\",\"v_proj\",\"up_proj\"],"
                        + "\"rank_pattern\":{\"1.self_attn.v_proj\":2,\"v_proj\":4},"
                        + "\"alpha_pattern\":{\"layers\\\\.\\\\d\\\\.mlp\\\\.up_proj\":64}")
                .config();
        var modules = ModuleNames.targeted(config, MODEL);
        modules.forEach((module, rank) -> {
            int r = module.module().equals("model.layers.1.self_attn.v_proj")
                    ? 2
                    : module.module().endsWith("v_proj") ? 4 : 8;
            float alpha = module.module().endsWith("up_proj") ? 64 : 16;
            assertThat(rank).isEqualTo(new Adapter.Rank(r, alpha / r));
        });
        var rslora = ModuleNames.targeted(config.withUseRslora(true), MODEL).lastEntry();
        assertThat(rslora.getValue().scale()).isEqualTo((float) (64 / Math.sqrt(8)));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
        ,"use_dora":true | use_dora is true, which Jemma does not compute
        ,"bias":"all" | bias is "all", which Jemma does not compute
        ,"modules_to_save":["lm_head"] | modules_to_save is ["lm_head"], which Jemma does not compute
        ,"trainable_token_indices":[5] | trainable_token_indices is [5], which Jemma does not compute
        ,"init_lora_weights":"pissa" | init_lora_weights is "pissa", which changes the base model; save the adapter with path_initial_model_for_weight_conversion
        ,"ensure_weight_tying":true,"target_modules":["lm_head"] | ensure_weight_tying is true with an adapted embedding, which Jemma does not compute
        ,"r":0 | r is 0, wanted a whole number from 1 to 65536
        ,"lora_dropout":1 | lora_dropout is 1, wanted a number from 0 to 0.999
        ,"rank_pattern":{"q_proj":"x"} | rank_pattern.q_proj is "x", wanted a whole number from 1 to 65536
        ,"target_modules":"q","layers_to_transform":[1] | layers_to_transform is [1], wanted none where target_modules is not a list of names
        """)
    void refusesByNameWhatItDoesNotCompute(String keys, String message) {
        assertThatThrownBy(() -> parse(keys))
                .isInstanceOf(FormatException.class)
                .hasMessage("adapter_config.json: " + message);
    }

    @Test
    void refusesOtherKindsOfAdapters() {
        assertThatThrownBy(() -> LoraConfigJson.parse(json("{\"peft_type\":\"IA3\"}"), "adapter_config.json"))
                .hasMessage(
                        "adapter_config.json: peft_type is \"IA3\", wanted \"LORA\": Jemma has no other kind of adapter");
    }

    @Test
    void refusesTargetsThatAreNothingOrNoLinearMap() {
        assertThatThrownBy(() -> targeted(",\"target_modules\":[\"c_attn\"]", MODEL))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "target_modules [c_attn] means no module of this Gemma 2, wanted names such as q_proj, k_proj,"
                                + " v_proj, o_proj, gate_proj, up_proj, down_proj");
        assertThatThrownBy(() -> targeted(",\"target_modules\":\".*mlp.*\"", MODEL))
                .hasMessage(
                        "target_modules \".*mlp.*\" means model.layers.0.mlp, which is neither a linear map nor the embedding");
    }

    @Test
    void aPatternThatBacktracksWithoutEndIsRefused() {
        assertThatThrownBy(() -> targeted(",\"target_modules\":\".*.*.*.*.*.*.*.*.*.*!\"", MODEL))
                .isInstanceOf(FormatException.class)
                .hasMessageStartingWith("a regular expression took more than 2000000 steps on the module name");
        assertThatThrownBy(() -> targeted(",\"target_modules\":\"(\"", MODEL))
                .hasMessage("\"(\" is no regular expression: Unclosed group");
    }

    @Test
    void warnsOfKeysItDoesNotKnow() {
        assertThat(parse(",\"new_trick\":1").warnings())
                .containsExactly("adapter_config.json: key 'new_trick' is unknown to Jemma and has no effect");
    }

    @Test
    void whatIsWrittenIsReadBack() {
        LoraConfig config = parse(",\"r\":4,\"lora_alpha\":12.5,\"use_rslora\":true,\"lora_dropout\":0.1,"
                        + "\"target_modules\":[\"q_proj\"],\"exclude_modules\":\".*0.*\",\"layers_to_transform\":[1,2],"
                        + "\"layers_pattern\":[\"layers\"],\"rank_pattern\":{\"q_proj\":2},\"alpha_pattern\":{\"q_proj\":3},"
                        + "\"init_lora_weights\":\"gaussian\",\"base_model_name_or_path\":\"google/gemma-2-2b\"")
                .config();
        assertThat(LoraConfigJson.parse(LoraConfigJson.write(config), "adapter_config.json")
                        .config())
                .isEqualTo(config);
    }

    @FuzzTest
    void aDamagedConfigIsReadOrAFormatException() {
        byte[] whole = JsonFile.bytes(
                LoraConfigJson.write(parse(",\"target_modules\":\".*q_proj\",\"rank_pattern\":{\"q_proj\":2}")
                        .config()));
        for (int length = 0; length < whole.length - 2; length++) {
            byte[] cut = Arrays.copyOf(whole, length);
            assertThatThrownBy(() -> JsonFile.parse(cut, "adapter_config.json")).isInstanceOf(FormatException.class);
        }
        SplittableRandom random = new SplittableRandom(11);
        for (int i = 0; i < Fuzz.mutations(1000); i++) {
            byte[] bytes = Fuzz.mutate(whole, random);
            try {
                LoraConfig config =
                        LoraConfigJson.parse(JsonFile.parse(bytes, "a"), "a").config();
                ModuleMatcher matcher = new ModuleMatcher(config);
                MODEL.layout().modules().forEach(module -> matcher.targets(module, List.of(module.module())));
            } catch (FormatException expected) {
                assertThat(expected).hasMessageMatching("(?s)a(:| regular).*|regular expression of.*|\".*");
            }
        }
    }
}
