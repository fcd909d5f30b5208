package dev.jemma.engine.gemma;

import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.kernel.LowRank;
import dev.jemma.engine.safetensors.SafetensorsFile;
import dev.jemma.engine.safetensors.TensorEntry;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Slab;
import dev.jemma.engine.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Reads what make_reference.py wrote: tensors as arrays, and PEFT adapters the short way, independent of Jemma's own
 * loader.
 */
public final class ReferenceData implements AutoCloseable {
    private final SafetensorsFile file;
    private final ByteBuffer bytes;

    public ReferenceData(Path path) throws IOException {
        file = SafetensorsFile.open(path);
        bytes = ByteBuffer.wrap(Files.readAllBytes(path)).order(ByteOrder.LITTLE_ENDIAN);
    }

    public Set<String> names() {
        return file.names();
    }

    public long[] shape(String name) {
        return entry(name).shape().dims();
    }

    private TensorEntry entry(String name) {
        TensorEntry entry = file.entries().get(name);
        if (entry == null) {
            throw new IllegalArgumentException(file.path() + " has no " + name);
        }
        return entry;
    }

    /** An F32 tensor. */
    public float[] floats(String name) {
        TensorEntry entry = entry(name);
        float[] values = new float[Math.toIntExact(entry.bytes() / 4)];
        bytes.slice(Math.toIntExact(entry.begin()), Math.toIntExact(entry.bytes()))
                .order(ByteOrder.LITTLE_ENDIAN)
                .asFloatBuffer()
                .get(values);
        return values;
    }

    /** An I64 tensor. */
    public int[] ints(String name) {
        TensorEntry entry = entry(name);
        int[] values = new int[Math.toIntExact(entry.bytes() / 8)];
        for (int i = 0; i < values.length; i++) {
            values[i] = Math.toIntExact(bytes.getLong(Math.toIntExact(entry.begin()) + 8 * i));
        }
        return values;
    }

    /** Row {@code row} of an I64 matrix. */
    public int[] ints(String name, int row) {
        int width = Math.toIntExact(entry(name).shape().dim(-1));
        return Arrays.copyOfRange(ints(name), row * width, (row + 1) * width);
    }

    @Override
    public void close() {
        file.close();
    }

    /**
     * The module that a PEFT key belongs to, and whether it is A:
     * {@code base_model.model.model.layers.0.mlp.up_proj.lora_A.weight}.
     */
    record Key(String module, boolean isA) {
        static Key of(String peft) {
            String name = peft.replace("base_model.model.", "").replace("model.language_model.", "model.");
            int at = name.indexOf(".lora_");
            return new Key(name.substring(0, at), name.contains("_A"));
        }
    }

    /** The adapter in {@code folder}, in tensors of {@code slab} that {@link #adapterBytes} were asked for. */
    static LowRanks adapter(Path folder, Kernels kernels, Slab slab) throws IOException {
        JsonNode config = JsonMapper.shared().readTree(folder.resolve("adapter_config.json"));
        Map<String, Tensor> a = new TreeMap<>();
        Map<String, Tensor> b = new TreeMap<>();
        try (ReferenceData data = new ReferenceData(folder.resolve("adapter_model.safetensors"))) {
            for (String name : data.names()) {
                Key key = Key.of(name);
                float[] values = data.floats(name);
                Tensor tensor = slab.allocate(DType.F32, data.shape(name));
                kernels.write(tensor, values, 0, values.length);
                (key.isA ? a : b).put(key.module, tensor);
            }
        }
        Map<String, LowRank> modules = new LinkedHashMap<>();
        a.forEach((module, factor) -> {
            String leaf = module.substring(module.lastIndexOf('.') + 1);
            double rank =
                    config.get("rank_pattern").path(leaf).asInt(config.get("r").asInt());
            double alpha = config.get("alpha_pattern")
                    .path(leaf)
                    .asInt(config.get("lora_alpha").asInt());
            double scale = config.get("use_rslora").asBoolean() ? alpha / Math.sqrt(rank) : alpha / rank;
            modules.put(module, new LowRank(factor, Objects.requireNonNull(b.get(module), module), (float) scale));
        });
        return new LowRanks(modules);
    }

    /** Room for the adapter in {@code folder}. */
    static long adapterBytes(Path folder) throws IOException {
        return 2 * Files.size(folder.resolve("adapter_model.safetensors")) + (1 << 20);
    }
}
