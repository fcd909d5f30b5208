package dev.jemma.engine.checkpoint;

import dev.jemma.engine.gguf.Blocks;
import dev.jemma.engine.gguf.GgufFile;
import dev.jemma.engine.gguf.GgufTensor;
import dev.jemma.engine.tensor.Conversion;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.HostSlab;
import dev.jemma.engine.tensor.Slab;
import dev.jemma.engine.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;

/**
 * The norms of a GGUF file, which llama.cpp stores as 1 + w, as the w that Hugging Face and the kernels have. Converted
 * when the first is asked for, all together: they are some hundred kilobytes.
 *
 * <p>Owns them; borrows the file. Safe for threads. A second close is harmless.
 */
final class GgufNorms implements AutoCloseable {
    private final GgufFile file;
    private final SequencedMap<String, GgufTensor> norms;
    private final Map<String, Tensor> converted = new LinkedHashMap<>();
    private final HostSlab slab;
    private boolean closed;

    /**
     * @param file the file
     * @param norms those of its tensors that are norms, by canonical name
     */
    GgufNorms(GgufFile file, SequencedMap<String, GgufTensor> norms) {
        this.file = file;
        this.norms = norms;
        this.slab = new HostSlab(norms.values().stream()
                .mapToLong(tensor -> Slab.aligned(Float.BYTES * tensor.shape().elements()))
                .sum());
    }

    /** Whether the weight of this canonical name is one. */
    boolean contains(String name) {
        return norms.containsKey(name);
    }

    /** The norm of this canonical name, which must be in the file; borrowed. */
    synchronized Tensor tensor(String name) {
        if (closed) {
            throw new IllegalStateException(file.name() + ": is closed");
        }
        if (converted.isEmpty()) {
            norms.forEach((each, tensor) -> converted.put(each, convert(tensor)));
        }
        Tensor norm = converted.get(name);
        if (norm == null) {
            throw new IllegalArgumentException(file.name() + ": has no norm '" + name + "'");
        }
        return norm;
    }

    /**
     * w of a stored 1 + w. Adding 1 in f32 rounds off the last bits of a small w, so that of a model in bf16 the
     * difference is not quite what it was; where rounding it to bf16 gives norms that all become the stored ones, they
     * are what it was.
     */
    private Tensor convert(GgufTensor tensor) {
        float[] values = new float[Math.toIntExact(tensor.shape().elements())];
        Blocks.decode(tensor.type(), file.data(tensor.name()), 0, values, values.length);
        boolean bf16 = true;
        for (int i = 0; i < values.length; i++) {
            float w = values[i] - 1;
            bf16 &= 1 + Conversion.rounded(w, DType.BF16) == values[i];
            values[i] = w;
        }
        Tensor norm =
                slab.allocate(bf16 ? DType.BF16 : DType.F32, tensor.shape().dims());
        Conversion.round(values, norm, 0, values.length);
        return norm;
    }

    @Override
    public synchronized void close() {
        closed = true;
        slab.close();
    }
}
