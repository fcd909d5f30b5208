package dev.jemma.engine.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.engine.api.MergeResult;
import dev.jemma.engine.checkpoint.Checkpoint;
import dev.jemma.engine.checkpoint.TemplateFiles;
import dev.jemma.engine.gemma.TinyModels;
import dev.jemma.engine.io.JsonFile;
import dev.jemma.engine.kernel.LowRank;
import dev.jemma.engine.tensor.Conversion;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Tensor;
import dev.jemma.tests.Shared;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class MergeTest {
    @TempDir
    Path temp;

    @ParameterizedTest
    @CsvSource({
        "gemma1,lora-embedding,F32",
        "gemma2,lora,BF16",
        "gemma3,lora-rs-pattern,F32",
        "gemma3,lora-embedding,BF16",
        "gemma3-multimodal,lora,BF16"
    })
    void everyWeightIsTheBasesPlusItsUpdateRoundedOnce(String model, String name, DType dtype) throws IOException {
        Path folder = Shared.need("reference/models/" + model);
        Path out = temp.resolve("merged");
        Merge.merge(folder, List.of(folder.resolve(name)), out, Optional.of(dtype));
        try (Checkpoint base = Checkpoint.open(folder);
                Checkpoint merged = Checkpoint.open(out);
                Adapter adapter = Adapter.load(folder.resolve(name), base)) {
            for (String weight : merged.config().weights().keySet()) {
                Tensor have = merged.weight(weight).tensor().orElseThrow();
                assertThat(have.dtype()).isEqualTo(dtype);
                double[] want = sum(
                        base.weight(weight).tensor().orElseThrow(),
                        adapter.lowRanks().of(weight.substring(0, weight.length() - 7)),
                        weight.startsWith("model.embed_tokens"));
                float[] got = floats(have);
                for (int i = 0; i < want.length; i++) {
                    // the f32 sum of at most 8 products is off by less than 1e-5 here; then one rounding to bf16
                    double tolerance = 1e-5 + (dtype == DType.BF16 ? Math.abs(want[i]) / 256 : 0);
                    assertThat(Math.abs(got[i] - want[i]))
                            .as("%s[%d]", weight, i)
                            .isLessThan(tolerance);
                }
            }
        }
    }

    /** The same in doubles, straight from the definition. */
    private static double[] sum(Tensor weight, Optional<LowRank> update, boolean embedding) {
        float[] w = floats(weight);
        double[] sum = new double[w.length];
        int columns = (int) weight.dim(-1);
        float[] a = update.map(u -> floats(u.a())).orElse(new float[0]);
        float[] b = update.map(u -> floats(u.b())).orElse(new float[0]);
        int rank = update.map(LowRank::rank).orElse(0);
        int rows = w.length / columns;
        for (int i = 0; i < w.length; i++) {
            int row = i / columns;
            int column = i % columns;
            double delta = 0;
            for (int k = 0; k < rank; k++) {
                delta += embedding
                        ? (double) b[column * rank + k] * a[k * rows + row]
                        : (double) b[row * rank + k] * a[k * columns + column];
            }
            sum[i] = w[i] + update.map(LowRank::scale).orElse(0f) * delta;
        }
        return sum;
    }

    private static float[] floats(Tensor tensor) {
        float[] values = new float[(int) tensor.elements()];
        Conversion.widen(tensor, 0, values, values.length);
        return values;
    }

    @Test
    void anUpdatedEmbeddingOrHeadIsUntiedInWeightsAndConfig() throws IOException {
        Path folder = Shared.need("reference/models/gemma3");
        MergeResult result =
                Merge.merge(folder, List.of(folder.resolve("lora-embedding")), temp.resolve("out"), Optional.empty());
        assertThat(result.untiedHead()).hasValue("lm_head.weight");
        assertThat(result.modules()).isEqualTo(7 * 7 + 2);
        try (Checkpoint merged = Checkpoint.open(temp.resolve("out"))) {
            assertThat(merged.config().tieWordEmbeddings()).isFalse();
            assertThat(floats(merged.weight("lm_head.weight").tensor().orElseThrow()))
                    .isNotEqualTo(floats(
                            merged.weight("model.embed_tokens.weight").tensor().orElseThrow()));
            assertThat(merged.warnings()).isEmpty();
        }
    }

    @Test
    void severalAdaptersAddUp() throws IOException {
        Path folder = Shared.need("reference/models/gemma2");
        Path lora = folder.resolve("lora");
        Path pattern = folder.resolve("lora-rs-pattern");
        Merge.merge(folder, List.of(lora), temp.resolve("one"), Optional.of(DType.F32));
        Files.createDirectory(temp.resolve("steps"));
        Merge.merge(temp.resolve("one"), List.of(pattern), temp.resolve("steps"), Optional.of(DType.F32));
        Merge.merge(folder, List.of(lora, pattern), temp.resolve("both"), Optional.of(DType.F32));
        assertThat(temp.resolve("both/model.safetensors"))
                .hasSameBinaryContentAs(temp.resolve("steps/model.safetensors"));
    }

    @Test
    void copiesWhatHuggingFaceNeedsAndTheAdaptersTemplate() throws IOException {
        Path base = temp.resolve("base");
        Path adapter = temp.resolve("adapter");
        copy(Shared.need("reference/models/gemma1"), base);
        copy(Shared.need("reference/models/gemma1/lora"), adapter);
        Files.writeString(base.resolve("tokenizer.json"), "{}");
        Files.writeString(base.resolve("chat_template.jinja"), "base");
        Files.writeString(base.resolve("LICENSE"), "terms");
        Files.writeString(base.resolve("model.gguf"), "not this");
        Files.writeString(adapter.resolve("chat_template.jinja"), "adapter");
        Merge.merge(base, List.of(adapter), temp.resolve("out"), Optional.of(DType.F32));
        try (var files = Files.list(temp.resolve("out"))) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .containsExactlyInAnyOrder(
                            "config.json",
                            "generation_config.json",
                            "model.safetensors",
                            "tokenizer.json",
                            "chat_template.jinja",
                            "LICENSE");
        }
        assertThat(temp.resolve("out/chat_template.jinja")).hasContent("adapter");
        assertThat(JsonFile.read(temp.resolve("out/config.json")).get("dtype").stringValue())
                .isEqualTo("float32");
    }

    /** What training leaves beside an adapter whose template writes tools in another way than the base's. */
    @ParameterizedTest
    @CsvSource({
        "base,         base tools,    ,        ,              base,    base tools",
        "base,         base tools,    adapter, adapter tools, adapter, adapter tools",
        "base,         base tools,    adapter, ,              adapter, ",
        "base,         ,              adapter, adapter tools, adapter, adapter tools",
        ",             ,              adapter, adapter tools, adapter, adapter tools",
        "base,         base tools,    ,        adapter tools, base,    base tools",
    })
    void templatesAreThoseOfOnePlaceTheLastAdapterOrTheBase(
            String base, String baseTools, String adapter, String adapterTools, String general, String toolUse)
            throws IOException {
        Path model = TinyModels.ROOT.resolve("gemma3");
        Path source = Files.createDirectory(temp.resolve("base"));
        copy(model, source);
        templates(source, base, baseTools);
        Path first = Files.createDirectory(temp.resolve("first"));
        copy(model.resolve("lora"), first);
        templates(first, "first", "first tools");
        Path last = Files.createDirectory(temp.resolve("last"));
        copy(model.resolve("lora"), last);
        templates(last, adapter, adapterTools);
        List<Path> adapters = adapter == null ? List.of(last) : List.of(first, last);
        Merge.merge(source, adapters, temp.resolve("out"), Optional.empty());
        TemplateFiles found = TemplateFiles.find(temp.resolve("out"));
        assertThat(found.general()).isEqualTo(Optional.ofNullable(general));
        assertThat(found.toolUse()).isEqualTo(Optional.ofNullable(toolUse));
    }

    private static void templates(Path folder, @Nullable String general, @Nullable String toolUse) throws IOException {
        if (general != null) {
            Files.writeString(folder.resolve("chat_template.jinja"), general);
        }
        if (toolUse != null) {
            Files.writeString(
                    Files.createDirectory(folder.resolve("additional_chat_templates"))
                            .resolve("tool_use.jinja"),
                    toolUse);
        }
    }

    /** As transformers saves a tokenizer beside an adapter. */
    @Test
    void aTemplateInAnAdaptersTokenizerConfigIsTheMergedModels() throws IOException {
        Path model = TinyModels.ROOT.resolve("gemma3");
        Path base = Files.createDirectory(temp.resolve("base"));
        copy(model, base);
        templates(base, "base", "base tools");
        Path adapter = Files.createDirectory(temp.resolve("adapter"));
        copy(model.resolve("lora"), adapter);
        Files.writeString(adapter.resolve("tokenizer_config.json"), """
                {"chat_template": [{"name": "default", "template": "theirs"},
                                   {"name": "../../tool_use", "template": "their tools"}]}""");
        Merge.merge(base, List.of(adapter), temp.resolve("out"), Optional.empty());
        assertThat(TemplateFiles.find(temp.resolve("out")).byName())
                .isEqualTo(Map.of("default", "theirs", "______tool_use", "their tools"));
        try (var files = Files.list(temp)) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .containsExactlyInAnyOrder("base", "adapter", "out");
        }
    }

    @Test
    void leavesNothingBehindWhenItFails() throws IOException {
        Path folder = Shared.need("reference/models/gemma1");
        Path other = Shared.need("reference/models/gemma2/lora");
        assertThatThrownBy(() -> Merge.merge(folder, List.of(other), temp.resolve("out"), Optional.empty()))
                .hasMessageContaining("is unexpected: adapter_config.json does not target such a module of this model");
        assertThat(temp).isEmptyDirectory();
    }

    @Test
    void refusesAFolderThatHoldsSomething() throws IOException {
        Path out = Files.createDirectory(temp.resolve("out"));
        Files.writeString(out.resolve("notes.txt"), "mine");
        Path folder = Shared.need("reference/models/gemma1");
        assertThatThrownBy(() -> Merge.merge(folder, List.of(folder.resolve("lora")), out, Optional.empty()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(out + ": is not empty, wanted a new or empty folder");
        assertThat(out.resolve("notes.txt")).hasContent("mine");
    }

    private static void copy(Path from, Path to) throws IOException {
        Files.createDirectories(to);
        try (var files = Files.newDirectoryStream(from, "*.{json,safetensors}")) {
            for (Path file : files) {
                Files.write(to.resolve(file.getFileName()), Files.readAllBytes(file));
            }
        }
    }
}
