package dev.jemma.engine.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.LoraConfig;
import dev.jemma.engine.api.TargetModules;
import dev.jemma.engine.checkpoint.Checkpoint;
import dev.jemma.engine.checkpoint.GgufModels;
import dev.jemma.engine.checkpoint.Weight;
import dev.jemma.engine.checkpoint.config.GemmaConfig;
import dev.jemma.engine.gguf.GgmlType;
import dev.jemma.engine.io.JsonFile;
import dev.jemma.engine.safetensors.SafetensorsFile;
import dev.jemma.engine.safetensors.SafetensorsWriter;
import dev.jemma.engine.tensor.Conversion;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Shape;
import dev.jemma.engine.tensor.Tensor;
import dev.jemma.tests.Fuzz;
import dev.jemma.tests.FuzzTest;
import dev.jemma.tests.Shared;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class AdapterTest {
    @ParameterizedTest
    @CsvSource({
        "gemma1,lora", "gemma1,lora-rs-pattern", "gemma1,lora-embedding", "gemma1,train/start",
        "gemma2,lora", "gemma2,lora-rs-pattern", "gemma2,lora-embedding", "gemma2,train/end",
        "gemma3,lora", "gemma3,lora-rs-pattern", "gemma3,lora-embedding", "gemma3,train/start",
        "gemma3-rope-scaled,lora", "gemma3-multimodal,lora"
    })
    void savesTheSameFileThatPeftWrote(String model, String adapter, @TempDir Path out) throws IOException {
        Path folder = Shared.need("reference/models/" + model);
        Path peft = folder.resolve(adapter);
        try (Checkpoint checkpoint = Checkpoint.open(folder);
                Adapter loaded = Adapter.load(peft, checkpoint)) {
            assertThat(loaded.warnings()).isEmpty();
            loaded.save(out);
            assertThat(read(out)).isEqualTo(read(peft));
            try (Adapter again = Adapter.load(out, checkpoint)) {
                assertThat(again.config().rankPattern())
                        .isEqualTo(loaded.config().rankPattern());
                assertThat(again.tensors().keySet()).isEqualTo(loaded.tensors().keySet());
            }
        }
    }

    @Test
    void aNewAdapterIsTheSameForTheSameSeedAndChangesNothing() {
        LoraConfig config = LoraConfig.of(4, 8, TargetModules.of(List.of("q_proj", "embed_tokens", "lm_head")));
        try (Adapter one = Adapter.create(config, TINY, 7);
                Adapter same = Adapter.create(config, TINY, 7);
                Adapter other = Adapter.create(config, TINY, 8)) {
            assertThat(values(one)).isEqualTo(values(same)).isNotEqualTo(values(other));
            assertThat(one.tensors().keySet())
                    .containsExactly(
                            "base_model.model.model.embed_tokens.lora_embedding_A",
                            "base_model.model.model.embed_tokens.lora_embedding_B",
                            "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight",
                            "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight",
                            "base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight",
                            "base_model.model.model.layers.1.self_attn.q_proj.lora_B.weight",
                            "base_model.model.lm_head.lora_A.weight",
                            "base_model.model.lm_head.lora_B.weight");
            one.tensors().forEach((name, tensor) -> {
                boolean zero = name.endsWith("lora_B.weight") || name.endsWith("embedding_A");
                float[] values = floats(tensor);
                for (float value : values) {
                    assertThat(value == 0).as(name).isEqualTo(zero);
                    if (name.endsWith("lora_A.weight")) {
                        assertThat(Math.abs(value)).isLessThan((float) (1 / Math.sqrt(tensor.dim(1))));
                    }
                }
            });
        }
    }

    @Test
    void reportsEveryKeyThatDoesNotFitAtOnce(@TempDir Path folder) throws IOException {
        LoraConfig config = LoraConfig.of(2, 4, TargetModules.of(List.of("q_proj")));
        try (Adapter adapter = Adapter.create(config, TINY, 1)) {
            adapter.save(folder);
            SequencedMap<String, Tensor> tensors = new LinkedHashMap<>(adapter.tensors());
            String prefix = "base_model.model.model.layers.";
            Tensor a = tensors.remove(prefix + "0.self_attn.q_proj.lora_A.weight");
            tensors.put(prefix + "0.self_attn.q_proj.lora_B.weight", a);
            tensors.put(prefix + "9.self_attn.q_proj.lora_B.weight", a);
            tensors.put(prefix + "1.self_attn.q_proj.lora_magnitude_vector", a);
            tensors.put("q_proj.lora_A.weight", a);
            SafetensorsWriter.write(folder.resolve("adapter_model.safetensors"), tensors, SafetensorsWriter.PYTORCH);
        }
        assertThatThrownBy(() -> Adapter.load(folder, TINY))
                .isInstanceOf(FormatException.class)
                .hasMessage("""
                        adapter_model.safetensors: tensor 'base_model.model.model.layers.1.self_attn.q_proj.lora_magnitude_vector' is DoRA's, which Jemma does not compute
                        adapter_model.safetensors: tensor 'q_proj.lora_A.weight' is unexpected, wanted names that start with base_model.model.
                        adapter_model.safetensors: has no tensor 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight', adapter_config.json wants it with shape [2, 8]
                        adapter_model.safetensors: tensor 'base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight' has shape [2, 8], adapter_config.json and the model want [32, 2]
                        adapter_model.safetensors: tensor 'base_model.model.model.layers.9.self_attn.q_proj.lora_B.weight' is unexpected: adapter_config.json does not target such a module of this model""");
    }

    @Test
    void oldMultimodalNamesAndHalfPrecisionAreRead(@TempDir Path folder) throws IOException {
        LoraConfig config = LoraConfig.of(2, 4, TargetModules.of(List.of("q_proj")));
        try (Adapter adapter = Adapter.create(config, TINY, 1)) {
            adapter.save(folder);
            SequencedMap<String, Tensor> old = new LinkedHashMap<>();
            adapter.tensors().forEach((name, tensor) -> {
                Tensor half = Tensor.host(
                        DType.BF16, tensor.shape(), MemorySegment.ofArray(new byte[(int) tensor.elements() * 2]));
                Conversion.round(floats(tensor), half, 0, (int) tensor.elements());
                old.put(name.replace("base_model.model.model.", "base_model.model.language_model.model."), half);
            });
            SafetensorsWriter.write(folder.resolve("adapter_model.safetensors"), old, SafetensorsWriter.PYTORCH);
            try (Adapter loaded = Adapter.load(folder, TINY)) {
                Iterator<Tensor> want = adapter.tensors().values().iterator();
                for (Tensor tensor : loaded.tensors().values()) {
                    assertThat(tensor.dtype()).isEqualTo(DType.F32);
                    // bf16 has 8 bits of mantissa
                    assertThat(floats(tensor))
                            .usingComparatorWithPrecision(1e-3f)
                            .containsExactly(floats(want.next()));
                }
            }
        }
    }

    @Test
    void aFullCopyOfTheEmbeddingIsToleratedIfItIsTheBases(@TempDir Path folder) throws IOException {
        Path model = Shared.need("reference/models/gemma1");
        try (Checkpoint base = Checkpoint.open(model);
                Adapter adapter = Adapter.load(model.resolve("lora-embedding"), base)) {
            adapter.save(folder);
            SequencedMap<String, Tensor> tensors = new LinkedHashMap<>(adapter.tensors());
            tensors.put(
                    "base_model.model.model.embed_tokens.base_layer.weight",
                    base.weight("model.embed_tokens.weight").tensor().orElseThrow());
            SafetensorsWriter.write(folder.resolve("adapter_model.safetensors"), tensors, SafetensorsWriter.PYTORCH);
            try (Adapter loaded = Adapter.load(folder, base)) {
                assertThat(loaded.warnings())
                        .containsExactly("adapter_model.safetensors: tensor"
                                + " 'base_model.model.model.embed_tokens.base_layer.weight' is a full copy of"
                                + " model.embed_tokens; the base model's is used");
            }
            float[] other =
                    floats(base.weight("model.embed_tokens.weight").tensor().orElseThrow());
            other[5] += 1;
            tensors.put(
                    "base_model.model.model.embed_tokens.base_layer.weight",
                    Tensor.host(DType.F32, Shape.of(320, 64), MemorySegment.ofArray(bytes(other))));
            SafetensorsWriter.write(folder.resolve("adapter_model.safetensors"), tensors, SafetensorsWriter.PYTORCH);
            assertThatThrownBy(() -> Adapter.load(folder, base))
                    .hasMessage("adapter_model.safetensors: tensor"
                            + " 'base_model.model.model.embed_tokens.base_layer.weight' differs from the base model's"
                            + " model.embed_tokens in element 5: the adapter was trained on another model, or trained this"
                            + " weight in full");
        }
    }

    @Test
    void aFullCopyMayDifferFromAQuantizedBaseByWhatQuantizationExplains(@TempDir Path folder) throws IOException {
        Path gguf = folder.resolve("base.gguf");
        GgufModels.writeRandom(GgufModels.config256(), GgmlType.Q4_K, DType.F32, gguf, folder.resolve("hub"));
        String key = "base_model.model.model.embed_tokens.weight";
        try (Checkpoint base = Checkpoint.open(gguf);
                Adapter adapter =
                        Adapter.create(LoraConfig.of(2, 4, TargetModules.of(List.of("q_proj"))), base.config(), 1)) {
            Weight embedding = base.weight("model.embed_tokens.weight");
            float[] values = new float[Math.toIntExact(embedding.shape().elements())];
            embedding.values().read(0, values, values.length);
            for (float part : new float[] {0.1f, 0.3f}) {
                float[] copy = values.clone();
                for (int i = 0; i < copy.length; i++) {
                    copy[i] *= i % 2 == 0 ? 1 + part : 1 - part;
                }
                SequencedMap<String, Tensor> tensors = new LinkedHashMap<>(adapter.tensors());
                tensors.put(key, Tensor.host(DType.F32, embedding.shape(), MemorySegment.ofArray(bytes(copy))));
                Path saved = folder.resolve("adapter-" + part);
                adapter.save(saved);
                SafetensorsWriter.write(saved.resolve("adapter_model.safetensors"), tensors, SafetensorsWriter.PYTORCH);
                if (part < 0.15f) {
                    try (Adapter loaded = Adapter.load(saved, base)) {
                        assertThat(loaded.warnings()).hasSize(1);
                    }
                } else {
                    assertThatThrownBy(() -> Adapter.load(saved, base))
                            .hasMessage("adapter_model.safetensors: tensor '" + key + "' differs from the base model's"
                                    + " model.embed_tokens by 29 % of its size: the adapter was trained on another model,"
                                    + " or trained this weight in full");
                }
            }
        }
    }

    @Test
    void savingOverAnotherAdapterLeavesTheOldOrTheNewOne(@TempDir Path folder) throws IOException {
        LoraConfig small = LoraConfig.of(2, 4, TargetModules.of(List.of("q_proj")));
        LoraConfig large = LoraConfig.of(3, 9, TargetModules.of(List.of("q_proj", "up_proj")));
        try (Adapter first = Adapter.create(small, TINY, 1);
                Adapter second = Adapter.create(large, TINY, 2)) {
            first.save(folder);
            // what a kill leaves after the pair was staged, and after one of the two was moved out
            second.save(folder.resolve(".adapter.pending"));
            for (int moved = 0; moved < 3; moved++) {
                try (Adapter found = Adapter.load(folder, TINY)) {
                    assertThat(values(found)).isEqualTo(values(second));
                }
                String next = moved == 0 ? "adapter_model.safetensors" : "adapter_config.json";
                if (moved < 2) {
                    Files.move(
                            folder.resolve(".adapter.pending").resolve(next),
                            folder.resolve(next),
                            StandardCopyOption.REPLACE_EXISTING);
                }
            }
            first.save(folder);
            assertThat(folder.resolve(".adapter.pending")).doesNotExist();
            try (Adapter found = Adapter.load(folder, TINY)) {
                assertThat(values(found)).isEqualTo(values(first));
            }
        }
    }

    @Test
    void saysWhenAFolderIsNoAdapter(@TempDir Path folder) throws IOException {
        assertThatThrownBy(() -> Adapter.load(folder, TINY))
                .hasMessage(folder + ": has no adapter_config.json, wanted a LoRA adapter as PEFT saves it");
        Files.writeString(folder.resolve("adapter_config.json"), "{\"peft_type\":\"LORA\"}");
        assertThatThrownBy(() -> Adapter.load(folder, TINY)).hasMessage(folder + ": has no adapter_model.safetensors");
    }

    private static final GemmaConfig TINY = GemmaConfig.parse(
                    JsonFile.parse(
                            ("{\"model_type\":\"gemma2\",\"num_hidden_layers\":2,\"hidden_size\":8,"
                                            + "\"intermediate_size\":16,\"head_dim\":4,\"vocab_size\":32}")
                                    .getBytes(StandardCharsets.UTF_8),
                            "config.json"),
                    "config.json")
            .config();

    private static List<String> values(Adapter adapter) {
        return adapter.tensors().entrySet().stream()
                .map(entry -> entry.getKey() + Arrays.toString(floats(entry.getValue())))
                .toList();
    }

    private static float[] floats(Tensor tensor) {
        float[] values = new float[(int) tensor.elements()];
        Conversion.widen(tensor, 0, values, values.length);
        return values;
    }

    private static byte[] bytes(float[] values) {
        ByteBuffer buffer = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        buffer.asFloatBuffer().put(values);
        return buffer.array();
    }

    /** Names, shapes and values of an adapter's tensors, sorted by name. */
    private static List<String> read(Path folder) throws IOException {
        List<String> lines = new ArrayList<>();
        try (SafetensorsFile file = SafetensorsFile.open(folder.resolve("adapter_model.safetensors"))) {
            for (String name : file.names().stream().sorted().toList()) {
                Tensor tensor = file.tensor(name);
                lines.add(name + " " + tensor.shape() + " "
                        + Arrays.hashCode(tensor.segment().toArray(ValueLayout.JAVA_BYTE)));
            }
        }
        return lines;
    }

    @FuzzTest
    void aDamagedAdapterIsReadOrAFormatException(@TempDir Path folder) throws IOException {
        Path model = Path.of("src/test/resources/models/gemma3");
        byte[] config = Files.readAllBytes(model.resolve("lora/adapter_config.json"));
        byte[] weights = Files.readAllBytes(model.resolve("lora/adapter_model.safetensors"));
        int header = 8
                + (int) ByteBuffer.wrap(weights).order(ByteOrder.LITTLE_ENDIAN).getLong(0);
        SplittableRandom random = new SplittableRandom(21);
        try (Checkpoint base = Checkpoint.open(model)) {
            Files.write(folder.resolve("adapter_config.json"), config);
            for (int cut : Fuzz.cuts(weights.length, header).toArray()) {
                Files.write(folder.resolve("adapter_model.safetensors"), Arrays.copyOf(weights, cut));
                assertThatThrownBy(() -> Adapter.load(folder, base)).isInstanceOf(FormatException.class);
            }
            byte[] head = Arrays.copyOf(weights, header);
            byte[] data = Arrays.copyOfRange(weights, header, weights.length);
            int read = 0;
            for (int i = 0; i < Fuzz.mutations(500); i++) {
                boolean ofConfig = i % 4 == 0;
                Files.write(folder.resolve("adapter_config.json"), ofConfig ? Fuzz.mutate(config, random) : config);
                byte[] damaged = ofConfig ? head : Fuzz.mutate(head, random);
                byte[] whole = Arrays.copyOf(damaged, damaged.length + data.length);
                System.arraycopy(data, 0, whole, damaged.length, data.length);
                Files.write(folder.resolve("adapter_model.safetensors"), whole);
                try (Adapter adapter = Adapter.load(folder, base)) {
                    assertThat(adapter.parameters()).isPositive();
                    read++;
                } catch (FormatException expected) {
                    assertThat(expected).hasMessageMatching("(?s).*(adapter_|model)[a-z_]*.*");
                }
            }
            assertThat(read).as("damage that does no harm").isPositive();
        }
    }
}
