package dev.jemma.engine.gemma;

import dev.jemma.engine.gguf.Blocks;
import dev.jemma.engine.gguf.GgufFile;
import dev.jemma.engine.gguf.GgufTensor;
import dev.jemma.engine.tensor.Conversion;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.HostSlab;
import dev.jemma.engine.tensor.Slab;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * The weights of a GGUF file as kernels take them. Matrices are used in place where kernels know their blocks; others are decoded
 * and rounded once, all together and by all processors, when the first weight is asked for. Norms, which llama.cpp stores as
 * 1 + w, become w.
 *
 * <p>Owns what it converts; borrows the file. Safe for threads.
 */
final class GgufWeights implements AutoCloseable {
    /** Elements that a thread converts at a time: whole blocks, of every type. */
    private static final int RUN = 1 << 16;

    private final GgufFile file;
    private final SequencedMap<String, GgufTensor> stored;
    private final Optional<DType> matrices;
    private Optional<Converted> converted = Optional.empty();
    private boolean closed;

    /**
     * @param file the file
     * @param stored its tensors by canonical name
     * @param matrices the type to which block-quantized matrices are converted; empty: none whose blocks kernels know, others to BF16
     */
    GgufWeights(GgufFile file, SequencedMap<String, GgufTensor> stored, Optional<DType> matrices) {
        this.file = file;
        this.stored = stored;
        this.matrices = matrices;
    }

    /** What was converted, and the memory it lies in. */
    private record Converted(HostSlab slab, Map<String, Tensor> tensors) {}

    /**
     * A tensor to convert.
     *
     * @param name its canonical name
     * @param from what the file says about it
     * @param dtype what it becomes
     * @param norm its values, if it is a norm
     */
    private record Planned(String name, GgufTensor from, DType dtype, Optional<float[]> norm) {
        long bytes() {
            return dtype.bytes(from.shape());
        }
    }

    /** The weight of this canonical name, which must be there. */
    Tensor tensor(String name) {
        GgufTensor entry = stored.get(name);
        if (entry == null) {
            throw new IllegalArgumentException(file.name() + ": has no tensor '" + name + "'");
        }
        if (!isNorm(name) && target(entry).isEmpty()) {
            return file.inPlace(entry.name()).orElseThrow();
        }
        Tensor tensor = converted().tensors.get(name);
        if (tensor == null) {
            throw new IllegalStateException("unconverted weight " + name);
        }
        return tensor;
    }

    private static boolean isNorm(String name) {
        return name.endsWith("norm.weight");
    }

    /** The type that a matrix is converted to; empty if it is used in place. */
    private Optional<DType> target(GgufTensor matrix) {
        boolean plain = matrix.type().blockElements() == 1;
        if (plain || matrices.isEmpty()) {
            return matrix.type().dtype().isPresent() ? Optional.empty() : Optional.of(DType.BF16);
        }
        DType wanted = matrices.get().fits(matrix.shape()) ? matrices.get() : DType.BF16;
        return matrix.type().dtype().filter(wanted::equals).isPresent() ? Optional.empty() : Optional.of(wanted);
    }

    private synchronized Converted converted() {
        if (closed) {
            throw new IllegalStateException(file.name() + ": is closed");
        }
        if (converted.isEmpty()) {
            converted = Optional.of(convert());
        }
        return converted.get();
    }

    private Converted convert() {
        List<Planned> planned = new ArrayList<>();
        stored.forEach((name, tensor) -> {
            if (isNorm(name)) {
                planned.add(norm(name, tensor));
            } else {
                target(tensor).ifPresent(dtype -> planned.add(new Planned(name, tensor, dtype, Optional.empty())));
            }
        });
        HostSlab slab = new HostSlab(
                planned.stream().mapToLong(plan -> Slab.aligned(plan.bytes())).sum());
        try {
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            List<Runnable> runs = new ArrayList<>();
            for (Planned plan : planned) {
                Tensor to = slab.allocate(plan.dtype, plan.from.shape().dims());
                tensors.put(plan.name, to);
                plan.norm.ifPresentOrElse(
                        norm -> Conversion.round(norm, to, 0, norm.length),
                        () -> addRuns(plan.from, file.data(plan.from.name()), to, runs));
            }
            runAll(runs);
            return new Converted(slab, tensors);
        } catch (Throwable e) {
            slab.close();
            throw e;
        }
    }

    /**
     * w of a stored 1 + w. Adding 1 in f32 rounds off the last bits of a small w, so that of a model in bf16 the difference is not quite
     * what it was; where rounding it to bf16 gives norms that all become the stored ones, they are what it was.
     */
    private Planned norm(String name, GgufTensor tensor) {
        float[] values = new float[Math.toIntExact(tensor.shape().elements())];
        new Blocks().decode(tensor.type(), file.data(tensor.name()), 0, values, values.length);
        boolean bf16 = true;
        for (int i = 0; i < values.length; i++) {
            float w = values[i] - 1;
            bf16 &= 1 + Conversion.rounded(w, DType.BF16) == values[i];
            values[i] = w;
        }
        return new Planned(name, tensor, bf16 ? DType.BF16 : DType.F32, Optional.of(values));
    }

    private static void addRuns(GgufTensor from, MemorySegment data, Tensor to, List<Runnable> runs) {
        for (long start = 0; start < to.elements(); start += RUN) {
            long first = start;
            int count = (int) Math.min(RUN, to.elements() - start);
            runs.add(() -> {
                float[] values = new float[count];
                new Blocks().decode(from.type(), data, first, values, count);
                Conversion.round(values, to, first, count);
            });
        }
    }

    /** Runs them on as many threads as there are processors. */
    private static void runAll(List<Runnable> runs) {
        AtomicInteger next = new AtomicInteger();
        AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
        Runnable worker = () -> {
            try {
                for (int i = next.getAndIncrement(); i < runs.size(); i = next.getAndIncrement()) {
                    runs.get(i).run();
                }
            } catch (Throwable e) {
                failure.compareAndSet(null, e);
            }
        };
        List<Thread> threads = new ArrayList<>();
        int count = Math.min(Runtime.getRuntime().availableProcessors(), runs.size());
        for (int i = 1; i < count; i++) {
            threads.add(Thread.ofPlatform().daemon().name("jemma-gguf-" + i).start(worker));
        }
        worker.run();
        for (Thread thread : threads) {
            join(thread);
        }
        switch (failure.get()) {
            case null -> {}
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            case Throwable e -> throw new IllegalStateException(e);
        }
    }

    /** Waits for a thread; it must not outlive the memory it writes to, whatever interrupts. */
    private static void join(Thread thread) {
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public synchronized void close() {
        closed = true;
        converted.ifPresent(done -> done.slab.close());
    }
}
