package dev.jemma.engine.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.checkpoint.config.GemmaConfig;
import dev.jemma.engine.io.StagedFolder;
import dev.jemma.engine.safetensors.SafetensorsWriter;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Shape;
import dev.jemma.engine.tensor.Tensor;
import dev.jemma.tests.Shared;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
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
                            assertThat(checkpoint.weight(weight).shape()).isEqualTo(shape));
            assertThat(checkpoint.weight("lm_head.weight").shape())
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

    private static final String TINY = "{\"model_type\":\"gemma\",\"num_hidden_layers\":1,\"hidden_size\":8,"
            + "\"intermediate_size\":16,\"head_dim\":4,\"num_attention_heads\":2,\"num_key_value_heads\":1,"
            + "\"vocab_size\":32}";

    @TempDir
    Path folder;

    private SequencedMap<String, Tensor> tinyModel() throws IOException {
        Files.writeString(folder.resolve("config.json"), TINY);
        SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
        GemmaConfig.read(folder.resolve("config.json"))
                .config()
                .weights()
                .forEach((name, shape) -> tensors.put(name, zeros(shape)));
        return tensors;
    }

    private static Tensor zeros(Shape shape) {
        return Tensor.host(DType.F32, shape, MemorySegment.ofArray(new byte[(int) shape.elements() * 4]));
    }

    private void write(SequencedMap<String, Tensor> tensors) throws IOException {
        SafetensorsWriter.write(folder.resolve("model.safetensors"), tensors, SafetensorsWriter.PYTORCH);
    }

    @Test
    void reportsEveryTensorThatDoesNotFitAtOnce() throws IOException {
        SequencedMap<String, Tensor> tensors = tinyModel();
        tensors.put("model.norm.weight", zeros(Shape.of(9)));
        tensors.remove("model.layers.0.mlp.up_proj.weight");
        tensors.put("language_model.model.embed_tokens.weight", zeros(Shape.of(32, 8)));
        tensors.put(
                "model.layers.0.self_attn.k_proj.weight",
                Tensor.host(DType.I32, Shape.of(4, 8), MemorySegment.ofArray(new byte[128])));
        write(tensors);
        assertThatThrownBy(() -> Checkpoint.open(folder))
                .isInstanceOf(FormatException.class)
                .hasMessage("""
                        model.safetensors: tensor 'model.embed_tokens.weight' and 'language_model.model.embed_tokens.weight' are both model.embed_tokens.weight
                        model.safetensors: tensor 'model.layers.0.self_attn.k_proj.weight' has dtype I32, wanted F32, F16 or BF16; Jemma does not compute with other stored types
                        model.safetensors: has no tensor 'model.layers.0.mlp.up_proj.weight', config.json wants it with shape [16, 8]
                        model.safetensors: tensor 'model.norm.weight' has shape [9], config.json wants [8]""");
    }

    @Test
    void warnsOfTensorsWithoutAPlace() throws IOException {
        SequencedMap<String, Tensor> tensors = tinyModel();
        tensors.put("model.layers.1.input_layernorm.weight", zeros(Shape.of(8)));
        write(tensors);
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.warnings())
                    .containsExactly(
                            "model.safetensors: 1 tensors have no place in a Gemma 1 of 1 layers and are not read,"
                                    + " such as 'model.layers.1.input_layernorm.weight'");
        }
    }

    @Test
    void aHeadBesideATiedEmbeddingIsKeptOnlyIfItDiffers() throws IOException {
        SequencedMap<String, Tensor> tensors = tinyModel();
        tensors.put("lm_head.weight", zeros(Shape.of(32, 8)));
        write(tensors);
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.config().tieWordEmbeddings()).isTrue();
        }
        tensors.get("lm_head.weight").segment().set(ValueLayout.JAVA_BYTE, 7, (byte) 1);
        write(tensors);
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.config().tieWordEmbeddings()).isFalse();
            assertThat(checkpoint.weight("lm_head.weight").name()).isEqualTo("lm_head.weight");
            assertThat(checkpoint.warnings())
                    .containsExactly("config.json: tie_word_embeddings is true, but lm_head.weight and"
                            + " model.embed_tokens.weight differ; Jemma keeps both, as transformers does");
        }
    }

    @Test
    void saysWhatAFolderWithoutConfigIs() throws IOException {
        assertThatThrownBy(() -> Checkpoint.open(folder))
                .hasMessage(folder + ": has no config.json; wanted a model folder as Hugging Face lays it out");
        Files.writeString(folder.resolve("adapter_config.json"), "{}");
        assertThatThrownBy(() -> Checkpoint.open(folder))
                .hasMessage(folder + ": has no config.json; it is a LoRA adapter, wanted the model it belongs to");
    }

    @Test
    void templatesAreFoundInTransformersOrder() throws IOException {
        Files.writeString(folder.resolve("tokenizer_config.json"), """
                {"chat_template": [{"name": "default", "template": "d"}, {"name": "tool_use", "template": "t"}]}""");
        TemplateFiles named = TemplateFiles.find(folder);
        assertThat(named.toolUse()).contains("t");
        assertThat(named.general()).contains("d");
        Files.writeString(folder.resolve("chat_template.json"), "{\"chat_template\": \"p\", \"more\": {\"a\": [1]}}");
        TemplateFiles ofProcessor = TemplateFiles.find(folder);
        assertThat(ofProcessor.general()).contains("p");
        assertThat(ofProcessor.toolUse()).isEmpty();
        assertThat(ofProcessor.source()).isEqualTo("chat_template.json");
        Files.writeString(folder.resolve("chat_template.jinja"), "j");
        TemplateFiles file = TemplateFiles.find(folder);
        assertThat(file.general()).contains("j");
        assertThat(file.toolUse()).isEmpty();
        assertThat(file.source()).isEqualTo("chat_template.jinja");
        Path additional = Files.createDirectory(folder.resolve("additional_chat_templates"));
        Files.writeString(additional.resolve("tool_use.jinja"), "a");
        Files.writeString(additional.resolve("rag.jinja"), "r");
        assertThat(TemplateFiles.find(folder).byName())
                .containsOnly(Map.entry("default", "j"), Map.entry("tool_use", "a"), Map.entry("rag", "r"));
        StagedFolder.delete(additional);
        Files.delete(folder.resolve("chat_template.json"));
        Files.delete(folder.resolve("chat_template.jinja"));
        Files.writeString(folder.resolve("tokenizer_config.json"), "{\"chat_template\": 7}");
        assertThatThrownBy(() -> TemplateFiles.find(folder))
                .hasMessage("tokenizer_config.json: chat_template is 7, wanted a string or a list of {name, template}");
        Files.writeString(folder.resolve("tokenizer_config.json"), "{\"chat_template\": \"x\"} 1");
        assertThatThrownBy(() -> TemplateFiles.find(folder))
                .hasMessage("tokenizer_config.json: goes on after its JSON object; wanted one object");
        Files.writeString(folder.resolve("tokenizer_config.json"), "{\"a\": {\"b\": tru}, \"chat_template\": \"x\"}");
        assertThatThrownBy(() -> TemplateFiles.find(folder))
                .hasMessageStartingWith("tokenizer_config.json:1:")
                .hasMessageContaining("is not JSON");
    }

    @Test
    void generationOptionsThatJemmaLacksAreWarnings() throws IOException {
        write(tinyModel());
        Files.writeString(
                folder.resolve("generation_config.json"),
                "{\"do_sample\":true,\"top_k\":64,\"num_beams\":4,\"eos_token_id\":[1,5]}");
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.generation().topK()).isEqualTo(64);
            assertThat(checkpoint.generation().eosTokenIds()).containsExactly(1, 5);
            assertThat(checkpoint.warnings())
                    .containsExactly(
                            "generation_config.json: num_beams is 4, which Jemma does not have; it has no effect");
        }
    }
}
