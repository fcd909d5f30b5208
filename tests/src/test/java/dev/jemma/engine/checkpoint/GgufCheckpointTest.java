package dev.jemma.engine.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.data.Percentage.withPercentage;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.LoraConfig;
import dev.jemma.engine.api.Recompute;
import dev.jemma.engine.api.WeightType;
import dev.jemma.engine.checkpoint.config.GemmaConfig;
import dev.jemma.engine.checkpoint.config.LayerConfig;
import dev.jemma.engine.checkpoint.config.Place;
import dev.jemma.engine.gemma.Backend;
import dev.jemma.engine.gemma.Batch;
import dev.jemma.engine.gemma.Closeness;
import dev.jemma.engine.gemma.GemmaModel;
import dev.jemma.engine.gemma.Inference;
import dev.jemma.engine.gemma.LowRanks;
import dev.jemma.engine.gemma.TinyModels;
import dev.jemma.engine.gemma.Training;
import dev.jemma.engine.gguf.GgmlType;
import dev.jemma.engine.gguf.GgufFile;
import dev.jemma.engine.gguf.GgufWriter;
import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.lora.Adapter;
import dev.jemma.engine.lora.Merge;
import dev.jemma.engine.quantize.WeightsCache;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Tensor;
import dev.jemma.engine.tokenizer.Specials;
import dev.jemma.engine.tokenizer.Tokenizer;
import dev.jemma.tests.Fuzz;
import dev.jemma.tests.FuzzTest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

final class GgufCheckpointTest {
    /** Kernels sum in another order for each type of weight. */
    private static final double ANOTHER_TYPE = 1e-5;

    @TempDir
    Path temp;

    /** Converts in memory what kernels do not take. */
    private static ModelWeights weights(Checkpoint checkpoint) throws IOException {
        return ModelWeights.open(checkpoint, WeightType.AUTO, WeightsCache.none(), 2);
    }

    private static float[] logits(Checkpoint checkpoint) throws IOException {
        int[] ids = new Random(1).ints(20, 3, checkpoint.config().vocabSize()).toArray();
        try (Kernels kernels = Backend.CPU.kernels();
                ModelWeights weights = weights(checkpoint);
                GemmaModel model = new GemmaModel(checkpoint, weights, kernels);
                Inference inference = new Inference(
                        model, List.of(), Inference.Options.of(ids.length).withLogitRows(ids.length))) {
            return Closeness.read(kernels, inference.forwardAll(ids, 0, ids.length));
        }
    }

    private Path folder(String family) throws IOException {
        return GgufModels.folderWithHeadScale(TinyModels.ROOT.resolve(family), temp.resolve(family));
    }

    private Path gguf(Path folder, DType type) throws IOException {
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            return GgufModels.tensors(GgufModels.metadata(checkpoint.config()), checkpoint, type)
                    .write(temp.resolve("model.gguf"));
        }
    }

    @ParameterizedTest
    @CsvSource({"gemma1,BF16", "gemma2,BF16", "gemma3,BF16", "gemma1,F32", "gemma2,F32", "gemma3,F32"})
    void everyFamilyComputesWhatItsFolderComputes(String family, DType type) throws IOException {
        Path folder = folder(family);
        try (Checkpoint expected = Checkpoint.open(folder);
                Checkpoint actual = Checkpoint.open(gguf(folder, type))) {
            assertThat(actual.config()).isEqualTo(expected.config());
            assertThat(actual.warnings()).isEmpty();
            assertThat(actual.weight("model.norm.weight").dtype()).isEqualTo(DType.BF16);
            float[] wanted = logits(expected);
            if (type == DType.BF16) {
                assertThat(logits(actual)).isEqualTo(wanted);
            } else {
                assertThat(Closeness.ofLargest(logits(actual), wanted)).isLessThan(ANOTHER_TYPE);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q5_0", "Q4_K", "Q5_K", "Q6_K"})
    void everyTypeComputesWhatItDecodesTo(GgmlType type) throws IOException {
        Path gguf = temp.resolve("model.gguf");
        boolean inPlace = type.dtype().isPresent();
        GgufModels.writeRandom(
                GgufModels.config256(), type, inPlace ? DType.F32 : DType.BF16, gguf, temp.resolve("hf"));
        try (Checkpoint expected = Checkpoint.open(temp.resolve("hf"));
                Checkpoint actual = Checkpoint.open(gguf)) {
            Weight matrix = actual.weight("model.layers.1.mlp.down_proj.weight");
            assertThat(matrix.tensor().map(Tensor::dtype)).isEqualTo(type.dtype());
            assertThat(matrix.dtype()).isEqualTo(type.dtype().orElse(DType.BF16));
            float[] wanted = logits(expected);
            assertThat(wanted).doesNotContain(Float.NaN);
            if (inPlace) {
                assertThat(Closeness.ofLargest(logits(actual), wanted)).isLessThan(ANOTHER_TYPE);
            } else {
                assertThat(logits(actual)).isEqualTo(wanted);
            }
        }
    }

    @Test
    void normsThatNeverWereBf16StayF32() throws IOException {
        Path folder = folder("gemma2");
        try (Checkpoint source = Checkpoint.open(folder)) {
            GgufWriter writer = GgufModels.metadata(source.config());
            GgufModels.tensors(writer, source, DType.BF16);
            int hidden = source.config().hiddenSize();
            byte[] whole = writer.bytes();
            Path file = temp.resolve("f32norm.gguf");
            // the last norm of a model fine-tuned in f32: 1 + 0.1234567
            try (GgufFile opened = GgufFile.open(writer.write(file))) {
                int at = (int) opened.entry("output_norm.weight").begin();
                ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN).putFloat(at, 1.1234567f);
            }
            Files.write(file, whole);
            try (Checkpoint checkpoint = Checkpoint.open(file)) {
                Weight norm = checkpoint.weight(Place.FINAL_NORM.weight());
                assertThat(norm.dtype()).isEqualTo(DType.F32);
                assertThat(norm.shape().elements()).isEqualTo(hidden);
                assertThat(GgufModels.values(norm)[0]).isEqualTo(1.1234567f - 1);
            }
        }
    }

    /** A file of a config alone, without the layers' tensors. */
    private GemmaConfig config(GgufWriter writer, int hidden) throws IOException {
        writer.tensor("token_embd.weight", GgmlType.F16, new byte[2 * 2 * hidden], 2, hidden);
        try (GgufFile file = GgufFile.open(writer.write(temp.resolve("config.gguf")))) {
            return GemmaConfig.parse(GgufConfig.json(file), file.name()).config();
        }
    }

    private static GgufWriter minimal(String architecture, int layers, int hidden, int heads) {
        return new GgufWriter()
                .text("general.architecture", architecture)
                .whole(architecture + ".context_length", 8192)
                .whole(architecture + ".embedding_length", hidden)
                .whole(architecture + ".block_count", layers)
                .whole(architecture + ".feed_forward_length", 64)
                .whole(architecture + ".attention.head_count", heads)
                .real(architecture + ".attention.layer_norm_rms_epsilon", 1e-6f);
    }

    @Test
    void whatIsLeftOutIsWhatLlamaCppAssumes() throws IOException {
        GemmaConfig gemma1 = config(minimal("gemma", 18, 64, 4), 64);
        assertThat(gemma1.layers().getFirst().queryPreAttnScalar()).isEqualTo(16);
        assertThat(gemma1.layers().getFirst().numKeyValueHeads()).isEqualTo(4);
        assertThat(gemma1.layers().getFirst().headDim()).isEqualTo(16);
        assertThat(gemma1.layers().getFirst().rope()).isEqualTo(new LayerConfig.Rope(10_000, 1));
        assertThat(gemma1.rmsNormEps()).isEqualTo(1e-6);
        assertThat(gemma1.tieWordEmbeddings()).isTrue();

        GemmaConfig gemma2 = config(minimal("gemma2", 26, 64, 4), 64);
        assertThat(gemma2.layers().getFirst().attnLogitSoftcapping()).isEqualTo(50);
        assertThat(gemma2.finalLogitSoftcapping()).isEqualTo(30);
        assertThat(gemma2.layers().get(0).window()).isEqualTo(4096);
        assertThat(gemma2.layers().get(1).type()).isEqualTo(LayerConfig.Type.FULL);
        assertThat(gemma2.layers().getFirst().queryPreAttnScalar()).isEqualTo(16);

        GemmaConfig gemma3 = config(
                minimal("gemma3", 12, 64, 4)
                        .whole("gemma3.attention.sliding_window", 512)
                        .real("gemma3.rope.freq_base", 1e6f)
                        .real("gemma3.rope.scaling.factor", 8)
                        .text("gemma3.rope.scaling.type", "linear"),
                64);
        assertThat(gemma3.layers().getFirst().attnLogitSoftcapping()).isZero();
        assertThat(gemma3.finalLogitSoftcapping()).isZero();
        for (int i = 0; i < 12; i++) {
            LayerConfig layer = gemma3.layers().get(i);
            boolean full = i % 6 == 5;
            assertThat(layer.window()).isEqualTo(full ? 0 : 512);
            assertThat(layer.rope()).isEqualTo(full ? new LayerConfig.Rope(1e6, 8) : new LayerConfig.Rope(10_000, 1));
        }
    }

    @Test
    void withoutAWindowAllLayersOfGemma3AreFull() throws IOException {
        GemmaConfig config = config(minimal("gemma3", 12, 64, 4), 64);
        assertThat(config.layers()).allMatch(layer -> layer.type() == LayerConfig.Type.FULL);
    }

    /** The 27B models alone scale attention by hidden size over heads: 144 and 168. */
    @Test
    void largestModelsScaleAttentionDifferently() throws IOException {
        GemmaConfig gemma2 = config(minimal("gemma2", 46, 4608, 32).whole("gemma2.attention.key_length", 128), 4608);
        assertThat(gemma2.layers().getFirst().queryPreAttnScalar()).isEqualTo(144);
        GemmaConfig gemma3 = config(minimal("gemma3", 62, 5376, 32).whole("gemma3.attention.key_length", 128), 5376);
        assertThat(gemma3.layers().getFirst().queryPreAttnScalar()).isEqualTo(168);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        gemma3n         | general.architecture is "gemma3n" (Gemma 3n); Jemma runs Gemma 1, 2 and 3 (gemma, gemma2, gemma3)
        gemma4          | general.architecture is "gemma4" (Gemma 4); Jemma runs Gemma 1, 2 and 3 (gemma, gemma2, gemma3)
        gemma-embedding | general.architecture is "gemma-embedding" (EmbeddingGemma); Jemma runs Gemma 1, 2 and 3 (gemma, gemma2, gemma3)
        clip            | general.architecture is "clip" (the vision part of a model); Jemma runs Gemma 1, 2 and 3 (gemma, gemma2, gemma3)
        llama           | general.architecture is "llama"; Jemma runs Gemma 1, 2 and 3 (gemma, gemma2, gemma3)
        """)
    void otherArchitecturesAreRefusedByName(String architecture, String message) throws IOException {
        Path file = minimal(architecture, 2, 64, 4).write(temp.resolve("other.gguf"));
        assertThatThrownBy(() -> Checkpoint.open(file))
                .isInstanceOf(FormatException.class)
                .hasMessage("other.gguf: " + message);
    }

    @Test
    void partsAndUnknownScalingAreRefused() throws IOException {
        Path part = minimal("gemma3", 2, 64, 4).whole("split.count", 3).write(temp.resolve("part.gguf"));
        assertThatThrownBy(() -> Checkpoint.open(part))
                .hasMessage("part.gguf: is one of 3 parts of a model (split.count), wanted a whole one;"
                        + " llama-gguf-split --merge joins them");
        assertThatThrownBy(() -> config(minimal("gemma3", 2, 64, 4).text("gemma3.rope.scaling.type", "yarn"), 64))
                .hasMessage("config.gguf: gemma3.rope.scaling.type is \"yarn\", wanted linear or none: Jemma does not"
                        + " compute others");
        assertThatThrownBy(() -> config(minimal("gemma3", 2, 64, 4).without("gemma3.block_count"), 64))
                .hasMessage("config.gguf: gemma3.block_count is left out, wanted a whole number");
        assertThatThrownBy(() -> config(minimal("gemma3", 2, 64, 4).whole("gemma3.attention.value_length", 32), 64))
                .hasMessage("config.gguf: gemma3.attention.value_length is 32, wanted the head size, 16");
    }

    @Test
    void tensorsThatDoNotFitAreNamedAtOnce() throws IOException {
        GemmaConfig config = GgufModels.config256();
        GgufWriter writer = GgufModels.metadata(config)
                .tensor("token_embd.weight", GgmlType.Q2_K, new byte[64 * 84], 64, 256)
                .tensor("output_norm.weight", GgmlType.Q8_0, new byte[8 * 34], 256)
                .tensor("blk.0.attn_q.weight", GgmlType.F32, new byte[4 * 256], 1, 256)
                .tensor("blk.0.rope_freqs.weight", GgmlType.F32, new byte[4], 1);
        Path file = writer.write(temp.resolve("bad.gguf"));
        assertThatThrownBy(() -> Checkpoint.open(file))
                .isInstanceOf(FormatException.class)
                .hasMessageContaining(
                        "bad.gguf: tensor 'token_embd.weight' has type Q2_K, wanted one of F32, F16, Q4_0,"
                                + " Q5_0, Q8_0, Q4_K, Q5_K, Q6_K, BF16")
                .hasMessageContaining(
                        "bad.gguf: tensor 'blk.0.attn_q.weight' has shape [1, 256], its metadata want" + " [256, 256]")
                .hasMessageContaining("bad.gguf: has no tensor for model.layers.0.self_attn.k_proj.weight, its metadata"
                        + " want one of shape [128, 256]");
    }

    @Test
    void aFileWithoutTokenizerHasNone() throws IOException {
        try (Checkpoint checkpoint = Checkpoint.open(gguf(folder("gemma3"), DType.BF16))) {
            assertThat(checkpoint.tokenizer()).isEmpty();
            assertThat(checkpoint.templates().byName()).isEmpty();
        }
    }

    /** Everything but tensors: configuration, a tokenizer of eleven tokens, templates, sampling. */
    private static GgufWriter complete(Checkpoint source) {
        List<String> tokens = List.of(
                "<pad>", "<eos>", "<bos>", "<unk>", "<end_of_turn>", "<0x41>", "\u2581", "a", "b", "ab", "\u2581ab");
        int[] types = {3, 3, 3, 2, 3, 6, 1, 1, 1, 1, 1};
        float[] scores = {-1000, -1000, -1000, -1000, -1000, 0, -10, -11, -12, 0, -1};
        return GgufModels.metadata(source.config())
                .text("tokenizer.ggml.model", "llama")
                .texts("tokenizer.ggml.tokens", tokens)
                .floats("tokenizer.ggml.scores", scores)
                .ints("tokenizer.ggml.token_type", types)
                .whole("tokenizer.ggml.unknown_token_id", 3)
                .text("tokenizer.chat_template", "{{ bos_token }}")
                .text("tokenizer.chat_template.tool_use", "tools")
                .real("general.sampling.temp", 0.7f)
                .whole("general.sampling.top_k", 64);
    }

    /** What metadata say is believed by no one: neither counts nor ids nor types. */
    @FuzzTest
    void damagedMetadataAreReadOrAreAFormatException() throws IOException {
        Path file = temp.resolve("tokens.gguf");
        byte[] whole;
        try (Checkpoint source = Checkpoint.open(folder("gemma3"))) {
            whole = Files.readAllBytes(
                    GgufModels.tensors(complete(source), source, DType.BF16).write(file));
        }
        int header = Math.toIntExact(whole.length - dataBytes(file));
        SplittableRandom random = new SplittableRandom(17);
        int opened = 0;
        for (int i = 0; i < Fuzz.mutations(1000); i++) {
            byte[] begin = Fuzz.mutate(Arrays.copyOf(whole, header), random);
            byte[] damaged = Arrays.copyOf(begin, begin.length + whole.length - header);
            System.arraycopy(whole, header, damaged, begin.length, whole.length - header);
            Files.write(file, damaged);
            try (Checkpoint checkpoint = Checkpoint.open(file)) {
                for (String name : checkpoint.config().weights().sequencedKeySet()) {
                    checkpoint.weight(name);
                }
                checkpoint.templates();
                checkpoint.generation();
                checkpoint.tokenizer().ifPresent(tokenizer -> {
                    int[] ids = tokenizer.encode("ab abA<end_of_turn>?", Specials.WITH);
                    tokenizer.decode(ids, Specials.WITH);
                });
                opened++;
            } catch (FormatException expected) {
                assertThat(expected).hasMessageStartingWith("tokens.gguf: ");
            }
        }
        assertThat(opened).isPositive();
    }

    private static long dataBytes(Path file) throws IOException {
        try (GgufFile gguf = GgufFile.open(file)) {
            return gguf.tensors().values().stream()
                    .mapToLong(t -> t.bytes() + 31 & -32)
                    .sum();
        }
    }

    @Test
    void tokenizerTemplateAndSamplingComeFromMetadata() throws IOException {
        Path folder = folder("gemma3");
        try (Checkpoint source = Checkpoint.open(folder)) {
            GgufWriter writer = complete(source);
            GgufModels.tensors(writer, source, DType.BF16);
            Path file = writer.write(temp.resolve("tokens.gguf"));
            try (Checkpoint checkpoint = Checkpoint.open(file)) {
                Tokenizer tokenizer = checkpoint.tokenizer().orElseThrow();
                assertThat(tokenizer.encode("ab abA<end_of_turn>?", Specials.WITH))
                        .containsExactly(2, 9, 10, 5, 4, 3);
                assertThat(checkpoint.templates().general()).contains("{{ bos_token }}");
                assertThat(checkpoint.templates().toolUse()).contains("tools");
                assertThat(checkpoint.generation().eosTokenIds()).containsExactly(1, 4);
                assertThat(checkpoint.generation().doSample()).isTrue();
                assertThat(checkpoint.generation().temperature()).isEqualTo(0.7);
                assertThat(checkpoint.generation().topK()).isEqualTo(64);
            }
            writer.text("tokenizer.ggml.model", "gpt2").write(file);
            try (Checkpoint checkpoint = Checkpoint.open(file)) {
                assertThatThrownBy(checkpoint::tokenizer)
                        .hasMessage("tokens.gguf: tokenizer.ggml.model is \"gpt2\", wanted \"llama\", a SentencePiece"
                                + " model with scores, as files of Gemma have it");
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aClosedCheckpointGivesNoWeights(boolean used) throws IOException {
        Checkpoint checkpoint = Checkpoint.open(gguf(folder("gemma3"), DType.BF16));
        if (used) {
            checkpoint.weight(Place.FINAL_NORM.weight());
        }
        checkpoint.close();
        checkpoint.close();
        assertThatThrownBy(() -> checkpoint.weight(Place.FINAL_NORM.weight()))
                .isInstanceOf(IllegalStateException.class);
    }

    /**
     * Merging a GGUF base gives the folder that merging the folder it was made from gives, under Hugging Face's names.
     */
    @Test
    void mergedItIsAHuggingFaceFolder() throws IOException {
        Path folder = folder("gemma3");
        Path adapter = TinyModels.ROOT.resolve("gemma3/lora");
        Merge.merge(folder, List.of(adapter), temp.resolve("wanted"), Optional.empty());
        Merge.merge(gguf(folder, DType.BF16), List.of(adapter), temp.resolve("merged"), Optional.empty());
        try (Checkpoint wanted = Checkpoint.open(temp.resolve("wanted"));
                Checkpoint merged = Checkpoint.open(temp.resolve("merged"))) {
            assertThat(merged.config()).isEqualTo(wanted.config());
            for (String name : wanted.config().weights().sequencedKeySet()) {
                assertThat(merged.weight(name).dtype()).as(name).isEqualTo(DType.BF16);
                assertThat(merged.weight(name)
                                .bytes()
                                .mismatch(wanted.weight(name).bytes()))
                        .as(name)
                        .isEqualTo(-1);
            }
            assertThat(merged.generation().eosTokenIds()).containsExactly(1);
            assertThat(merged.configJson().get("dtype").stringValue()).isEqualTo("bfloat16");
            assertThat(merged.configJson().get("transformers_version").stringValue())
                    .isEqualTo("5.0.0");
        }
    }

    @Test
    void aQuantizedBaseIsMergedToBf16() throws IOException {
        Path gguf = temp.resolve("model.gguf");
        GemmaConfig config = GgufModels.config256();
        GgufModels.writeRandom(config, GgmlType.Q8_0, DType.BF16, gguf, temp.resolve("hf"));
        Path folder = temp.resolve("adapter");
        try (Checkpoint base = Checkpoint.open(gguf);
                Adapter adapter = Adapter.create(LoraConfig.defaults(), base.config(), 1)) {
            adapter.save(folder);
        }
        Merge.merge(gguf, List.of(folder), temp.resolve("merged"), Optional.empty());
        try (Checkpoint wanted = Checkpoint.open(temp.resolve("hf"));
                Checkpoint merged = Checkpoint.open(temp.resolve("merged"))) {
            for (String name : config.weights().sequencedKeySet()) {
                // a fresh adapter changes nothing
                assertThat(merged.weight(name)
                                .bytes()
                                .mismatch(wanted.weight(name).bytes()))
                        .as(name)
                        .isEqualTo(-1);
            }
        }
    }

    /** A frozen quantized base: the loss is that over what its blocks decode to. */
    @Test
    void lossOverAQuantizedBaseIsThatOverItsDecodedBlocks() throws IOException {
        Path gguf = temp.resolve("model.gguf");
        GgufModels.writeRandom(GgufModels.config256(), GgmlType.Q4_0, DType.F32, gguf, temp.resolve("hf"));
        double[] losses = new double[2];
        Path[] sources = {gguf, temp.resolve("hf")};
        for (int i = 0; i < sources.length; i++) {
            try (Kernels kernels = Backend.CPU.kernels();
                    Checkpoint checkpoint = Checkpoint.open(sources[i]);
                    ModelWeights weights = weights(checkpoint);
                    GemmaModel model = new GemmaModel(checkpoint, weights, kernels);
                    Training training =
                            new Training(model, LowRanks.NONE, new Training.Options(24, Recompute.NEVER, 0))) {
                losses[i] = training.loss(Batch.of(new Random(2).ints(24, 3, 64).toArray()));
            }
        }
        assertThat(losses[0]).isCloseTo(losses[1], withPercentage(1e-3));
    }
}
