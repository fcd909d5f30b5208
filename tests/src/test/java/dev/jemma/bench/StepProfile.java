package dev.jemma.bench;

import dev.jemma.engine.api.Arithmetic;
import dev.jemma.engine.api.LoraConfig;
import dev.jemma.engine.api.Recompute;
import dev.jemma.engine.api.TrainingExample;
import dev.jemma.engine.checkpoint.Checkpoint;
import dev.jemma.engine.gemma.Batch;
import dev.jemma.engine.gemma.GemmaModel;
import dev.jemma.engine.gemma.Inference;
import dev.jemma.engine.gemma.Training;
import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.kernel.cpu.CpuKernels;
import dev.jemma.engine.lora.Adapter;
import dev.jemma.engine.tensor.Tensor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/**
 * Which kernels take the time of a prompt, of a decoded token, of a LoRA training step? Each call of {@link Kernels} is
 * timed by a proxy and added up by operation and shape of its first operands.
 *
 * <p>Recipe: run {@code main MODEL THREADS F32|BF16 prefill|decode|train [TOKENS]}.
 */
public final class StepProfile {
    private static final int WARM_UPS = 4;
    private static final int RUNS = 4;

    private final Map<String, Calls> times = new TreeMap<>();

    /** What the calls of one operation took, in nanoseconds. */
    private static final class Calls {
        private long[] all = new long[64];
        private int count;

        void add(long nanos) {
            if (count == all.length) {
                all = Arrays.copyOf(all, 2 * count);
            }
            all[count++] = nanos;
        }

        long sum() {
            return Arrays.stream(all, 0, count).sum();
        }

        long median() {
            return Arrays.stream(all, 0, count).sorted().toArray()[count / 2];
        }
    }

    /** Arguments as in the recipe. */
    public static void main(String[] args) throws Exception {
        int tokens = args.length > 4 ? Integer.parseInt(args[4]) : 512;
        StepProfile profile = new StepProfile();
        try (Kernels kernels = CpuKernels.open(Integer.parseInt(args[1]), Arithmetic.valueOf(args[2]));
                Checkpoint checkpoint = Checkpoint.open(Path.of(args[0]));
                GemmaModel model = new GemmaModel(checkpoint, profile.timed(kernels))) {
            int[] ids =
                    new Random(7).ints(tokens, 3, model.config().vocabSize()).toArray();
            switch (args[3]) {
                case "prefill" -> profile.prefill(model, ids);
                case "decode" -> profile.decode(model, ids);
                case "train" -> profile.train(model, ids);
                default -> throw new IllegalArgumentException(args[3] + ", wanted prefill, decode or train");
            }
        }
    }

    private Kernels timed(Kernels kernels) {
        return (Kernels) Proxy.newProxyInstance(
                Kernels.class.getClassLoader(), new Class<?>[] {Kernels.class}, (proxy, method, operands) -> {
                    long start = System.nanoTime();
                    try {
                        return method.invoke(kernels, operands);
                    } catch (InvocationTargetException e) {
                        throw e.getCause() == null ? e : e.getCause();
                    } finally {
                        long took = System.nanoTime() - start;
                        times.computeIfAbsent(name(method, operands), key -> new Calls())
                                .add(took);
                    }
                });
    }

    private static String name(Method method, Object[] operands) {
        StringBuilder name = new StringBuilder(method.getName());
        if (operands != null) {
            Arrays.stream(operands)
                    .filter(Tensor.class::isInstance)
                    .limit(3)
                    .forEach(t -> name.append(' ').append(((Tensor) t).shape()));
        }
        return name.toString();
    }

    private void prefill(GemmaModel model, int[] ids) {
        try (Inference inference = new Inference(model, List.of(), Inference.Options.of(ids.length))) {
            repeat(ids.length, () -> {
                inference.rewind(0);
                inference.forward(ids, 0, ids.length);
            });
        }
    }

    private void decode(GemmaModel model, int[] ids) {
        int tokens = 16;
        try (Inference inference = new Inference(model, List.of(), Inference.Options.of(ids.length + tokens + 1))) {
            repeat(tokens, () -> {
                inference.rewind(0);
                inference.forward(ids, 0, 8);
                times.clear();
                for (int i = 0; i < tokens; i++) {
                    inference.forward(ids, 8 + i, 1);
                }
            });
        }
    }

    private void train(GemmaModel model, int[] ids) {
        int[] labels = ids.clone();
        Arrays.fill(labels, 0, ids.length * 4 / 5, TrainingExample.IGNORED);
        Batch batch = Batch.of(ids, labels);
        try (Adapter adapter = Adapter.create(LoraConfig.defaults(), model.config(), 1);
                Training training =
                        new Training(model, adapter.lowRanks(), new Training.Options(ids.length, Recompute.NEVER, 0))) {
            repeat(ids.length, () -> {
                training.zeroGradients();
                training.lossAndGradients(batch, 1f / batch.supervised(), 0);
            });
        }
    }

    private void repeat(int tokens, Runnable step) {
        for (int i = 0; i < WARM_UPS; i++) {
            step.run();
        }
        long best = Long.MAX_VALUE;
        for (int i = 0; i < RUNS; i++) {
            times.clear();
            long start = System.nanoTime();
            step.run();
            best = Math.min(best, System.nanoTime() - start);
        }
        long kernels = times.values().stream().mapToLong(Calls::sum).sum();
        System.out.printf("%.1f tokens/s; the last run, %.1f ms in kernels:%n", tokens * 1e9 / best, kernels / 1e6);
        times.entrySet().stream()
                .sorted(Comparator.comparingLong(e -> -e.getValue().sum()))
                .limit(40)
                .forEach(e -> System.out.printf(
                        "%8.2f ms %5.1f %% %5d x %8.1f us (median) %s%n",
                        e.getValue().sum() / 1e6,
                        100.0 * e.getValue().sum() / kernels,
                        e.getValue().count,
                        e.getValue().median() / 1e3,
                        e.getKey()));
    }
}
