package dev.jemma.engine.lora;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.LoraConfig;
import dev.jemma.engine.checkpoint.Checkpoint;
import dev.jemma.engine.checkpoint.config.GemmaConfig;
import dev.jemma.engine.checkpoint.config.Parameter;
import dev.jemma.engine.gemma.LowRanks;
import dev.jemma.engine.io.JsonFile;
import dev.jemma.engine.kernel.LowRank;
import dev.jemma.engine.tensor.Conversion;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.HostSlab;
import dev.jemma.engine.tensor.Slab;
import dev.jemma.engine.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.SplittableRandom;
import java.util.function.DoubleSupplier;

/**
 * A LoRA adapter with PEFT's semantics: the low-rank updates of some of a Gemma's linear maps, and possibly of its
 * embedding and head. Owns its tensors, f32 in this process's memory; training changes them in place. A second close is
 * harmless.
 *
 * <p>Files are PEFT's (adapter_config.json, adapter_model.safetensors), read and written.
 */
public final class Adapter implements AutoCloseable {
    private final LoraConfig config;
    private final GemmaConfig model;
    private final Slab slab;
    private final SequencedMap<String, LowRank> updates;
    private final List<String> warnings;

    /** An adapter of zeros. */
    private Adapter(
            LoraConfig config, GemmaConfig model, SequencedMap<Parameter, Rank> modules, List<String> warnings) {
        this.config = config;
        this.model = model;
        this.warnings = List.copyOf(warnings);
        long bytes = 0;
        for (Map.Entry<Parameter, Rank> entry : modules.entrySet()) {
            int r = entry.getValue().r();
            for (Factor factor : Factor.values()) {
                bytes += Slab.aligned(4 * factor.shape(entry.getKey(), r).elements());
            }
        }
        this.slab = new HostSlab(bytes);
        this.updates = new LinkedHashMap<>();
        modules.forEach((module, rank) -> updates.put(
                module.module(),
                new LowRank(
                        slab.allocate(
                                DType.F32, Factor.A.shape(module, rank.r()).dims()),
                        slab.allocate(
                                DType.F32, Factor.B.shape(module, rank.r()).dims()),
                        rank.scale())));
    }

    /** What a config says about one module. */
    record Rank(int r, float scale) {}

    /**
     * A new adapter, which changes nothing until it is trained: A of linear maps random by {@link LoraConfig.Init}, B
     * zeros; of the embedding A zeros, B from N(0, 1).
     *
     * @param seed decides the random values, the same on every machine
     * @throws IllegalArgumentException if the config means no module of this model, or something that cannot be adapted
     */
    public static Adapter create(LoraConfig config, GemmaConfig model, long seed) {
        SequencedMap<Parameter, Rank> modules = ModuleNames.targeted(config, model);
        Adapter adapter = new Adapter(config, model, modules, List.of());
        SplittableRandom random = new SplittableRandom(seed);
        for (Parameter module : modules.keySet()) {
            adapter.initialize(module, random);
        }
        return adapter;
    }

    private void initialize(Parameter module, SplittableRandom random) {
        LowRank update = updates.get(module.module());
        if (update == null) {
            throw new IllegalStateException("no update of " + module.module());
        }
        if (module.kind() == Parameter.Kind.EMBEDDING) {
            fill(update.b(), () -> gaussian(random));
        } else if (config.init() == LoraConfig.Init.GAUSSIAN) {
            double deviation = 1.0 / update.rank();
            fill(update.a(), () -> gaussian(random) * deviation);
        } else {
            double bound = 1 / Math.sqrt(module.inputs());
            fill(update.a(), () -> (2 * random.nextDouble() - 1) * bound);
        }
    }

    private static void fill(Tensor tensor, DoubleSupplier values) {
        float[] row = new float[Math.toIntExact(tensor.dim(1))];
        for (long i = 0; i < tensor.dim(0); i++) {
            for (int j = 0; j < row.length; j++) {
                row[j] = (float) values.getAsDouble();
            }
            Conversion.round(row, tensor, i * row.length, row.length);
        }
    }

    /** N(0, 1) by Box and Muller, with functions that give the same bits on every machine. */
    private static double gaussian(SplittableRandom random) {
        double radius = StrictMath.sqrt(-2 * StrictMath.log(1 - random.nextDouble()));
        return radius * StrictMath.cos(2 * StrictMath.PI * random.nextDouble());
    }

    /**
     * Reads the adapter in {@code folder}. Full copies of embedding or head that PEFT saved beside it are not read: the
     * base model has them. {@link #load(Path, Checkpoint)} checks that this is so.
     *
     * @throws FormatException naming every key that is missing, unexpected or of a wrong shape, and every option not
     *     computed here
     * @throws IOException if a file cannot be read
     */
    public static Adapter load(Path folder, GemmaConfig model) throws IOException {
        return AdapterReader.read(folder, model);
    }

    /**
     * Reads the adapter in {@code folder}, and compares the full copies of embedding or head in it with the base
     * model's.
     *
     * @throws FormatException as {@link #load(Path, GemmaConfig)} does, and if such a copy differs: the adapter was
     *     trained on another model
     * @throws IOException if a file cannot be read
     */
    public static Adapter load(Path folder, Checkpoint base) throws IOException {
        Adapter adapter = AdapterReader.read(folder, base.config());
        try {
            AdapterReader.compareCopies(folder, base);
            return adapter;
        } catch (Throwable e) {
            adapter.close();
            throw e;
        }
    }

    /** An adapter of zeros of these modules, for the reader to fill. */
    static Adapter ofZeros(
            LoraConfig config, GemmaConfig model, SequencedMap<Parameter, Rank> modules, List<String> warnings) {
        return new Adapter(config, model, modules, warnings);
    }

    /**
     * Writes adapter_config.json and adapter_model.safetensors (f32) into {@code folder}, which is created. Both change
     * together: a kill at any moment leaves the old adapter or the new one. Other files there stay as they are.
     *
     * @throws IOException if the files cannot be written
     */
    public void save(Path folder) throws IOException {
        byte[] json = JsonFile.bytes(LoraConfigJson.write(config, ModuleNames.saved(config, model, updates.keySet())));
        AdapterFolder.save(folder, json, tensors());
    }

    /** Whether {@code folder} holds an adapter. */
    public static boolean exists(Path folder) {
        return Files.exists(AdapterFolder.file(folder, AdapterFolder.CONFIG));
    }

    /** What it adapts and how strongly. */
    public LoraConfig config() {
        return config;
    }

    /** The shape of the model it fits. */
    public GemmaConfig model() {
        return model;
    }

    /** The updates as a model computes with them; borrowed. */
    public LowRanks lowRanks() {
        return new LowRanks(updates);
    }

    /**
     * The tensors under their names in PEFT's file, in the order of PyTorch's {@code parameters()}: the fixed order of
     * an optimizer. Borrowed.
     */
    public SequencedMap<String, Tensor> tensors() {
        SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
        for (Parameter module : model.layout().modules()) {
            LowRank update = updates.get(module.module());
            if (update != null) {
                String prefix = ModuleNames.fileName(module, model) + ".";
                tensors.put(prefix + Factor.A.key(module), update.a());
                tensors.put(prefix + Factor.B.key(module), update.b());
            }
        }
        return Collections.unmodifiableSequencedMap(tensors);
    }

    /** Number of trainable values. */
    public long parameters() {
        return lowRanks().parameters();
    }

    /** What users should know about its files, a line each. */
    public List<String> warnings() {
        return warnings;
    }

    @Override
    public void close() {
        slab.close();
    }
}
