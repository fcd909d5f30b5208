package dev.jemma.engine;

import dev.jemma.engine.api.FloatType;
import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.GenerationOptions;
import dev.jemma.engine.api.MergeResult;
import dev.jemma.engine.api.Precision;
import dev.jemma.engine.api.RowOptions.Supervise;
import dev.jemma.engine.chat.ChatFormat;
import dev.jemma.engine.checkpoint.Checkpoint;
import dev.jemma.engine.checkpoint.FolderText;
import dev.jemma.engine.checkpoint.GenerationConfig;
import dev.jemma.engine.checkpoint.ModelWeights;
import dev.jemma.engine.eval.EvalRow;
import dev.jemma.engine.gemma.GemmaModel;
import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.kernel.cpu.ArithmeticChoice;
import dev.jemma.engine.kernel.cpu.CpuKernels;
import dev.jemma.engine.lora.Merge;
import dev.jemma.engine.quantize.WeightsCache;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tokenizer.GemmaTokens;
import dev.jemma.engine.tokenizer.Tokenizer;
import dev.jemma.engine.train.RowEncoder;
import dev.jemma.engine.train.RowEncoder.End;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * An open Gemma: weights, tokenizer, template and the device that computes. The way into the library.
 *
 * <p>Safe for threads; what generates is a {@link Session}, one for each conversation. Sessions of several threads
 * share the weights and take turns at the device. Closing ends the sessions that are still open; a second close is
 * harmless.
 */
public final class Gemma implements AutoCloseable {
    private static final String VECTOR_MODULE = "jdk.incubator.vector";

    private final GemmaOptions options;
    private final Checkpoint checkpoint;
    private final Optional<Tokenizer> tokenizer;
    private final Kernels kernels;
    private final GemmaModel model;
    private final List<AutoCloseable> open = new ArrayList<>();
    private boolean closed;

    private Gemma(
            GemmaOptions options,
            Checkpoint checkpoint,
            Optional<Tokenizer> tokenizer,
            Kernels kernels,
            GemmaModel model) {
        this.options = options;
        this.checkpoint = checkpoint;
        this.tokenizer = tokenizer;
        this.kernels = kernels;
        this.model = model;
    }

    /** Opens the model in {@code folder} with {@link GemmaOptions#DEFAULTS}. */
    public static Gemma open(Path folder) {
        return open(folder, GemmaOptions.DEFAULTS);
    }

    /**
     * Opens the model in {@code folder}, laid out as on the Hugging Face hub. Weights are mapped and used in place;
     * where the options want them in another form, they are converted the first time and kept in the user's cache
     * folder.
     *
     * @throws FormatException if the folder is not a Gemma that Jemma runs
     * @throws IllegalArgumentException if the device that the options want is not there, or a system property that
     *     forces how the processor computes has no such value
     * @throws IllegalStateException if Java was started without a module that the device needs; the message says with
     *     which flag it is there
     * @throws UncheckedIOException if a file cannot be read
     */
    public static Gemma open(Path folder, GemmaOptions options) {
        List<AutoCloseable> opened = new ArrayList<>();
        try {
            Checkpoint checkpoint = Checkpoint.open(folder);
            opened.add(checkpoint);
            Ahead<Optional<Tokenizer>> tokenizer = Ahead.start("jemma-open", checkpoint::tokenizer);
            Kernels kernels = kernels(options);
            opened.add(kernels);
            ModelWeights weights =
                    ModelWeights.open(checkpoint, options.weights(), WeightsCache.standard(), threads(options));
            opened.add(weights);
            GemmaModel model = new GemmaModel(checkpoint, weights, kernels);
            return new Gemma(options, checkpoint, tokenizer.get(), kernels, model);
        } catch (IOException e) {
            closeAll(opened);
            throw new UncheckedIOException(folder + ": " + e.getMessage(), e);
        } catch (Throwable e) {
            closeAll(opened);
            throw e;
        }
    }

    /**
     * The tokenizer of the model at {@code path}, a folder or a GGUF file; a folder needs no weights for it.
     *
     * @throws FormatException if there is none, or it is malformed
     * @throws UncheckedIOException if a file cannot be read
     */
    public static Tokenizer tokenizer(Path path) {
        try {
            if (Files.isRegularFile(path)) {
                try (Checkpoint checkpoint = Checkpoint.open(path)) {
                    return checkpoint
                            .tokenizer()
                            .orElseThrow(() -> new FormatException(path + " has no tokenizer (tokenizer.ggml.tokens)"));
                }
            }
            return new FolderText(path)
                    .tokenizer()
                    .orElseThrow(() -> new FormatException(
                            path + " has no " + Tokenizer.FILE + "; copy the one that belongs to the model into it"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Adds adapters to the model at {@code path} for good: a plain checkpoint that Hugging Face loads without PEFT. It
     * appears in one step when all is written.
     *
     * @param path model folder or GGUF file
     * @param adapters at least one folder; several add up
     * @param out a new or empty folder
     * @param type the type of the new weights; empty = that of the model's, bfloat16 where they are quantized
     * @throws FormatException if the model or an adapter is not what it should be, or a sum overflows the type
     * @throws IllegalArgumentException if there is no adapter, or {@code out} is not empty
     * @throws UncheckedIOException if a file cannot be read or written
     */
    public static MergeResult merge(Path path, List<Path> adapters, Path out, Optional<FloatType> type) {
        try {
            return Merge.merge(path, adapters, out, type.map(wanted -> switch (wanted) {
                case BFLOAT16 -> DType.BF16;
                case FLOAT16 -> DType.F16;
                case FLOAT32 -> DType.F32;
            }));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * What would compute with these options, for people: {@code cpu, 2 threads, 512-bit, f32 products}.
     *
     * @throws IllegalArgumentException if the device that the options want is not there
     * @throws IllegalStateException if Java was started without a module that the device needs
     */
    public static String describe(GemmaOptions options) {
        try (Kernels kernels = kernels(options)) {
            return describe(options, kernels);
        }
    }

    private static String describe(GemmaOptions options, Kernels kernels) {
        return options.compute().isEmpty()
                ? kernels.description() + " ("
                        + ArithmeticChoice.ofThisMachine().reason() + ")"
                : kernels.description();
    }

    /** The kernels of the device that the options want; closed by the caller. */
    static Kernels kernels(GemmaOptions options) {
        switch (options.device().kind()) {
            case CUDA ->
                throw new IllegalArgumentException(
                        "device is cuda, but Jemma computes on the processor only; use cpu or auto");
            case AUTO, CPU -> {
                requireVectorModule(ModuleLayer.boot());
                return CpuKernels.open(
                        threads(options),
                        options.compute()
                                .orElseGet(
                                        () -> ArithmeticChoice.ofThisMachine().arithmetic()));
            }
        }
        throw new IllegalStateException("no kernels for " + options.device());
    }

    private static int threads(GemmaOptions options) {
        return options.threads() == 0 ? Runtime.getRuntime().availableProcessors() : options.threads();
    }

    static void requireVectorModule(ModuleLayer layer) {
        if (layer.findModule(VECTOR_MODULE).isEmpty()) {
            throw new IllegalStateException(
                    "the Vector API, which Jemma computes with, is not there; start Java with --add-modules "
                            + VECTOR_MODULE);
        }
    }

    private static void closeAll(List<AutoCloseable> owned) {
        for (AutoCloseable each : owned.reversed()) {
            try {
                each.close();
            } catch (RuntimeException e) {
                throw e;
            } catch (Exception e) {
                throw new IllegalStateException("closing failed: " + e.getMessage(), e);
            }
        }
    }

    /**
     * A new session: a conversation's cache, and adapters of its own.
     *
     * @throws FormatException if a weights file changed since the model was opened, or an adapter does not fit the
     *     model
     * @throws IllegalArgumentException if the context is longer than the model was made for
     */
    public Session session(SessionOptions sessionOptions) {
        return register(() -> new Session(this, sessionOptions));
    }

    /** A new session with {@link SessionOptions#DEFAULTS}. */
    public Session session() {
        return session(SessionOptions.DEFAULTS);
    }

    /**
     * A new scorer: losses and logits of given tokens.
     *
     * @param adapters folders of LoRA adapters, whose updates add up
     * @throws FormatException as {@link #session(SessionOptions)} does
     */
    public Scorer scorer(List<Path> adapters) {
        return register(() -> new Scorer(this, adapters));
    }

    /**
     * Measurements of its speed.
     *
     * @param adapters folders of LoRA adapters, whose updates add up
     */
    public Benchmark benchmark(List<Path> adapters) {
        return new Benchmark(this, adapters);
    }

    /**
     * Fine-tuning on the rows of a file, to be set up and started.
     *
     * @param rows JSON Lines: messages (and tools), prompt and completion, text, or input_ids and labels
     */
    public FineTuning fineTune(Path rows) {
        return new FineTuning(this, rows);
    }

    /**
     * An evaluation on rows whose right calls are known, to be set up and started.
     *
     * @param rows JSON Lines: messages, tools, and accept, or the calls of the last assistant turn
     * @throws FormatException if a row is none
     */
    public Evaluation evaluate(Path rows) {
        return evaluate(EvalRow.questions(rows));
    }

    /**
     * An evaluation on rows whose right calls are known, to be set up and started.
     *
     * @throws IllegalArgumentException if a row has no messages to answer
     */
    public Evaluation evaluate(List<EvalRow> rows) {
        return new Evaluation(this, rows);
    }

    /** What turns rows into ids the way this model with {@code adapters} wants them. */
    RowEncoder rowEncoder(List<Path> adapters, Supervise supervise, End end) {
        List<Integer> ends = checkpoint.generation().eosTokenIds();
        return new RowEncoder(
                this::tokenizer,
                () -> chatFormat(adapters),
                ends.isEmpty() ? 1 : ends.getFirst(),
                checkpoint.config().vocabSize(),
                supervise,
                end,
                threads(options));
    }

    /** Ids that end a turn or a text: the model's ends, and the end of a turn where the vocabulary has one. */
    List<Integer> stops() {
        List<Integer> stops = new ArrayList<>(checkpoint.generation().eosTokenIds());
        tokenizer.ifPresent(known -> known.id(GemmaTokens.END_OF_TURN).ifPresent(stops::add));
        return stops;
    }

    /** Opens what a closing Gemma closes. */
    interface Opener<T> {
        T open() throws IOException;
    }

    synchronized <T extends AutoCloseable> T register(Opener<T> opener) {
        if (closed) {
            throw new IllegalStateException("this Gemma is closed");
        }
        try {
            checkpoint.checkUnchanged();
            T opened = opener.open();
            open.add(opened);
            return opened;
        } catch (IOException e) {
            throw new UncheckedIOException(checkpoint.path() + ": " + e.getMessage(), e);
        }
    }

    synchronized void forget(AutoCloseable closedOne) {
        open.remove(closedOne);
    }

    /** How the model's makers want it sampled, as far as generation_config.json says: greedy if it does not. */
    public GenerationOptions generationDefaults() {
        GenerationConfig config = checkpoint.generation();
        return new GenerationOptions(
                GenerationOptions.GREEDY.maxNewTokens(),
                config.doSample() ? config.temperature() : 0,
                config.topK(),
                config.topP(),
                config.minP(),
                config.repetitionPenalty(),
                OptionalLong.empty(),
                List.of(),
                false);
    }

    /** How it was opened. */
    public GemmaOptions options() {
        return options;
    }

    /**
     * The tokenizer.
     *
     * @throws FormatException if the model's folder has none: then only token ids can be generated from and scored
     */
    public Tokenizer tokenizer() {
        return tokenizer.orElseThrow(() -> new FormatException(
                checkpoint.path() + ": has no tokenizer, which text needs; token ids can be used without"));
    }

    Optional<Tokenizer> tokenizerIfAny() {
        return tokenizer;
    }

    /**
     * How conversations are written for this model with adapters: template and tool-call format of the options, else of
     * the last adapter that has some, else of the model, else those of its generation.
     *
     * @throws FormatException if a template or jemma.json is malformed, or the model has no tokenizer
     * @throws UncheckedIOException if a file cannot be read
     */
    public ChatFormat chatFormat(List<Path> adapters) {
        try {
            Optional<Tokenizer> known = Optional.of(tokenizer());
            return ChatFormats.choose(
                    checkpoint, () -> known, new ChatOptions(options.chatTemplate(), options.toolFormat(), adapters));
        } catch (IOException e) {
            throw new UncheckedIOException("chat template of " + checkpoint.path() + ": " + e.getMessage(), e);
        }
    }

    /** The opened folder: config, weights, templates; borrowed. */
    Checkpoint checkpoint() {
        return checkpoint;
    }

    /** The model over the weights; borrowed. */
    GemmaModel model() {
        return model;
    }

    /** The backend; borrowed. */
    Kernels kernels() {
        return kernels;
    }

    /**
     * What computes, and with which weights, for people: {@code cpu, 2 threads, 512-bit, f32 products; weights auto
     * (BF16; 511.3 MiB), as stored, which is exact}.
     */
    public String description() {
        return describe(options, kernels) + "; " + model.weights().description();
    }

    /** What it computes with, as a training run records it. */
    public Precision precision() {
        return model.precision();
    }

    /** What users should know about the files, a line each. */
    public List<String> warnings() {
        List<String> warnings = new ArrayList<>(checkpoint.warnings());
        warnings.addAll(model.weights().warnings());
        return warnings;
    }

    @Override
    public void close() {
        List<AutoCloseable> stillOpen;
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
            stillOpen = List.copyOf(open);
        }
        try {
            closeAll(stillOpen);
        } catch (RuntimeException refused) {
            synchronized (this) {
                closed = false; // what is still in use can be closed later
            }
            throw refused;
        }
        closeAll(List.of(kernels, checkpoint, model.weights(), model));
    }
}
