package dev.jemma.engine;

import dev.jemma.engine.api.Arithmetic;
import dev.jemma.engine.api.Precision;
import dev.jemma.engine.api.WeightType;
import dev.jemma.engine.train.Trainer;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;

/**
 * How a model is opened.
 *
 * @param device where it computes
 * @param compute with what arithmetic; empty = what is fastest on this machine
 * @param weights in which form it computes with the weights
 * @param threads how many threads compute, the caller's included; 0 = one for each processor
 * @param chatTemplate a file with the chat template to use instead of the model's and its adapters'
 * @param toolFormat the name of the tool-call format ({@code hermes}, {@code functiongemma}, {@code template}) to use
 *     instead of what adapter, template and vocabulary tell
 */
public record GemmaOptions(
        Device device,
        Optional<Arithmetic> compute,
        WeightType weights,
        int threads,
        Optional<Path> chatTemplate,
        Optional<String> toolFormat) {
    /** The best device, its usual arithmetic, weights as stored, all processors, the model's own template. */
    public static final GemmaOptions DEFAULTS =
            new GemmaOptions(Device.AUTO, Optional.empty(), WeightType.AUTO, 0, Optional.empty(), Optional.empty());

    public GemmaOptions {
        Objects.requireNonNull(device, "device");
        Objects.requireNonNull(compute, "compute");
        Objects.requireNonNull(weights, "weights");
        Objects.requireNonNull(chatTemplate, "chatTemplate");
        Objects.requireNonNull(toolFormat, "toolFormat");
        if (threads < 0 || threads > 1024) {
            throw new IllegalArgumentException(
                    "threads is " + threads + ", wanted 1 to 1024, or 0 for one a processor");
        }
    }

    /** These on another device. */
    public GemmaOptions with(Device other) {
        return new GemmaOptions(other, compute, weights, threads, chatTemplate, toolFormat);
    }

    /** These with other arithmetic. */
    public GemmaOptions with(Arithmetic other) {
        return withCompute(Optional.of(other));
    }

    /** These with other arithmetic; empty = what is fastest on this machine. */
    public GemmaOptions withCompute(Optional<Arithmetic> other) {
        return new GemmaOptions(device, other, weights, threads, chatTemplate, toolFormat);
    }

    /** These with weights in another form. */
    public GemmaOptions with(WeightType other) {
        return new GemmaOptions(device, compute, other, threads, chatTemplate, toolFormat);
    }

    /**
     * These, with what is left to choose as the training run in {@code out} was begun with it, so that it can go on bit
     * for bit; the same where there is no run to go on with. What is fastest may have changed since.
     *
     * @param out the run's folder
     * @throws dev.jemma.engine.api.FormatException if its last checkpoint is damaged
     */
    public GemmaOptions resuming(Path out) {
        return Trainer.precision(out).map(this::computingAs).orElse(this);
    }

    private GemmaOptions computingAs(Precision begun) {
        GemmaOptions same = compute.isEmpty() ? with(begun.arithmetic()) : this;
        return weights == WeightType.AUTO ? same.with(begun.weights()) : same;
    }

    /** These with {@code count} threads. */
    public GemmaOptions withThreads(int count) {
        return new GemmaOptions(device, compute, weights, count, chatTemplate, toolFormat);
    }

    /** These with the chat template in {@code file}. */
    public GemmaOptions withChatTemplate(Path file) {
        return new GemmaOptions(device, compute, weights, threads, Optional.of(file), toolFormat);
    }

    /** These with the tool-call format called {@code name}. */
    public GemmaOptions withToolFormat(String name) {
        return new GemmaOptions(device, compute, weights, threads, chatTemplate, Optional.of(name));
    }
}
