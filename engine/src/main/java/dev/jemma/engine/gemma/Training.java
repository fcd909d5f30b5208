package dev.jemma.engine.gemma;

import dev.jemma.engine.api.Recompute;
import dev.jemma.engine.api.TrainingExample;
import dev.jemma.engine.checkpoint.config.GemmaConfig;
import dev.jemma.engine.checkpoint.config.Layout;
import dev.jemma.engine.checkpoint.config.Parameter;
import dev.jemma.engine.gemma.LossHead.LossGradient;
import dev.jemma.engine.gemma.adapter.AdaptedModule;
import dev.jemma.engine.gemma.adapter.AdapterBuffers;
import dev.jemma.engine.gemma.adapter.AdapterDropout;
import dev.jemma.engine.gemma.block.Pass;
import dev.jemma.engine.gemma.memory.Activations;
import dev.jemma.engine.gemma.memory.BatchKeyValues;
import dev.jemma.engine.gemma.memory.Gradients;
import dev.jemma.engine.gemma.memory.MemoryPlan;
import dev.jemma.engine.gemma.memory.MemoryPlan.Allocation;
import dev.jemma.engine.gemma.memory.MemoryPlan.Region;
import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.kernel.LowRank;
import dev.jemma.engine.kernel.Span;
import dev.jemma.engine.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Loss and gradients of one adapter on a frozen model.
 *
 * <p>Owns every buffer of forward and backward and the gradients; borrows model and adapter, which must outlive it. For
 * one thread at a time. After the first step of a shape, a step allocates Java objects only to describe its tensors,
 * some tens of kilobytes.
 */
public final class Training implements AutoCloseable {
    /**
     * How much memory and what for.
     *
     * @param maxTokens most tokens of a batch
     * @param recompute what the backward computes again
     * @param dropout probability of PEFT's {@code lora_dropout}; 0 = none
     */
    public record Options(int maxTokens, Recompute recompute, float dropout) {
        public Options {
            if (maxTokens < 1 || !(dropout >= 0 && dropout < 1)) {
                throw new IllegalArgumentException("training of " + maxTokens + " tokens a batch with dropout "
                        + dropout + ", wanted at least one token and a dropout from 0 to below 1");
            }
        }
    }

    private record Plan(
            MemoryPlan memory,
            Activations.Regions activations,
            Gradients.Regions gradients,
            AdapterBuffers adapters,
            LossHead.Regions head,
            Region ids) {

        static Plan of(Layout layout, Map<Parameter, Integer> ranks, Options options) {
            GemmaConfig config = layout.config();
            List<Parameter> modules = layout.modules();
            MemoryPlan memory = new MemoryPlan();
            int rows = options.maxTokens;
            boolean backward = !ranks.isEmpty();
            int lowest = ranks.keySet().stream().mapToInt(layout::number).min().orElse(modules.size());
            int firstKept = backward ? Math.max(0, modules.get(lowest).layer()) : config.numHiddenLayers();
            return new Plan(
                    memory,
                    Activations.Regions.of(memory, layout, rows, firstKept, options.recompute),
                    Gradients.Regions.of(memory, layout, backward ? rows : 0, lowest),
                    AdapterBuffers.forTraining(
                            memory,
                            layout,
                            ranks,
                            rows,
                            LossHead.chunk(config, rows),
                            options.recompute,
                            options.dropout),
                    LossHead.Regions.of(memory, config, rows, backward ? LossGradient.WANTED : LossGradient.UNWANTED),
                    memory.ints(rows));
        }
    }

    private final GemmaModel model;
    private final Kernels kernels;
    private final Options options;
    private final Allocation memory;
    private final BatchKeyValues keyValues = new BatchKeyValues();
    private final AdapterDropout dropout;
    private final Pass pass;
    private final Gradients gradients;
    private final LowRanks adapterGradients;
    private final LossHead head;
    private final Tensor allIds;
    private final int[] rows;
    private final int[] targets;

    /**
     * A training of {@code adapter}, whose factors are read at every step and changed by none. With
     * {@link LowRanks#NONE} it is good for {@link #loss} only, and needs no memory for a backward.
     *
     * @throws IllegalArgumentException naming every module or shape that does not fit the model
     */
    public Training(GemmaModel model, LowRanks adapter, Options options) {
        this.model = model;
        this.kernels = model.kernels();
        this.options = options;
        Layout layout = model.layout();
        List<List<LowRank>> placed = LowRanks.byModule(layout, List.of(adapter));
        Map<Parameter, Integer> ranks = new LinkedHashMap<>();
        adapter.modules()
                .forEach((name, factors) -> ranks.put(layout.module(name).orElseThrow(), factors.rank()));
        Plan plan = Plan.of(layout, ranks, options);
        this.memory = plan.memory.allocate(kernels);
        this.dropout = plan.adapters.dropout(memory);
        AdaptedModule[] adapted = plan.adapters.place(placed, memory, dropout);
        this.pass =
                new Pass(kernels, layout, new Activations(plan.activations, memory), adapted, keyValues, () -> false);
        this.gradients = new Gradients(plan.gradients, memory);
        this.head = new LossHead(model, plan.head, memory, dropout);
        this.allIds = memory.of(plan.ids);
        this.rows = new int[options.maxTokens];
        this.targets = new int[options.maxTokens];
        Map<String, LowRank> byName = new LinkedHashMap<>();
        ranks.keySet().forEach(module -> byName.put(module.module(), adapted[layout.number(module)].gradient()));
        this.adapterGradients = new LowRanks(byName);
    }

    /**
     * The bytes that a training will allocate, gradients included, before any is.
     *
     * @param ranks rank of each adapted module by canonical name
     */
    public static long bytes(GemmaConfig config, Map<String, Integer> ranks, Options options) {
        Layout layout = config.layout();
        Map<Parameter, Integer> byModule = new LinkedHashMap<>();
        ranks.forEach((name, rank) -> byModule.put(
                layout.module(name)
                        .orElseThrow(() -> new IllegalArgumentException("the model has no module '" + name + "'")),
                rank));
        return Plan.of(layout, byModule, options).memory.bytes();
    }

    /** dA and dB of every module of the adapter under the names of A and B; the scales mean nothing. Zero at first. */
    public LowRanks gradients() {
        return adapterGradients;
    }

    /** Sets all gradients to zero. */
    public void zeroGradients() {
        for (LowRank gradient : adapterGradients.modules().values()) {
            kernels.zero(gradient.a());
            kernels.zero(gradient.b());
        }
    }

    /** The sum of the cross entropies of a batch's supervised tokens, without dropout. */
    public double loss(Batch batch) {
        model.lock().lock();
        try {
            int count = begin(batch);
            if (count == 0) {
                return 0;
            }
            dropout.off();
            model.forward(pass, ids(batch));
            return head.loss(pass, rows, targets, count);
        } finally {
            model.lock().unlock();
        }
    }

    /**
     * The same sum with dropout, and {@code scale} times its gradients added to {@link #gradients()}.
     *
     * @param scale one over the number of supervised tokens of all batches of an optimizer step
     * @param seed decides what dropout drops; of no meaning without dropout
     */
    public double lossAndGradients(Batch batch, float scale, long seed) {
        if (adapterGradients.modules().isEmpty()) {
            throw new IllegalArgumentException("the adapter has no modules, so there is nothing to train");
        }
        model.lock().lock();
        try {
            int count = begin(batch);
            if (count == 0) {
                return 0;
            }
            gradients.begin(batch.tokens());
            dropout.on(seed);
            Tensor ids = ids(batch);
            model.forward(pass, ids);
            double loss = head.lossAndGradient(pass, gradients, rows, targets, count, scale, seed);
            model.backward(pass, gradients, ids, options.recompute);
            return loss;
        } finally {
            model.lock().unlock();
        }
    }

    private Tensor ids(Batch batch) {
        Tensor ids = allIds.rows(0, batch.tokens());
        kernels.write(ids, batch.ids(), 0, batch.tokens());
        return ids;
    }

    /** Finds the rows that predict a supervised token; answers how many there are. */
    private int begin(Batch batch) {
        if (batch.tokens() > options.maxTokens) {
            throw new IllegalArgumentException(
                    "a batch of " + batch.tokens() + " tokens, wanted at most " + options.maxTokens);
        }
        int vocabSize = model.config().vocabSize();
        Span[] spans = new Span[batch.starts().length];
        int longest = 0;
        int count = 0;
        for (int i = 0; i < spans.length; i++) {
            int start = batch.starts()[i];
            int end = batch.end(i);
            longest = Math.max(longest, end - start);
            spans[i] = Span.whole(start, end - start);
            for (int t = start; t < end; t++) {
                checkId(batch.ids()[t], t, "id", vocabSize);
                int label = batch.labels()[t];
                if (t > start && label != TrainingExample.IGNORED) {
                    checkId(label, t, "label", vocabSize);
                    rows[count] = t - 1;
                    targets[count++] = label;
                }
            }
        }
        int limit = model.config().maxPositionEmbeddings();
        if (longest > limit) {
            throw new IllegalArgumentException("a sequence of " + longest + " tokens, the model was made for " + limit);
        }
        keyValues.begin(spans);
        pass.begin(batch.tokens(), model.ropes(longest));
        return count;
    }

    private static void checkId(int id, int at, String what, int vocabSize) {
        if (id < 0 || id >= vocabSize) {
            throw new IllegalArgumentException(
                    what + " " + id + " at index " + at + " of the batch, wanted 0 to " + (vocabSize - 1));
        }
    }

    /** Frees the buffers and gradients. A second close is harmless. */
    @Override
    public void close() {
        memory.close();
    }
}
