package dev.jemma.engine.gemma;

import dev.jemma.engine.api.Recompute;
import dev.jemma.engine.checkpoint.config.GemmaConfig;
import dev.jemma.engine.checkpoint.config.LayerConfig;
import dev.jemma.engine.checkpoint.config.Parameter;

/**
 * How many floating-point operations the passes through a model are: products of weights, and of attention's queries,
 * keys and values inside its mask. Norms, rotations and adapters are not counted.
 *
 * @param config the model
 * @param linears elements of the layers' linear maps
 * @param head elements of the head
 */
public record Flops(GemmaConfig config, double linears, double head) {
    /** Those of a model. */
    public static Flops of(GemmaConfig config) {
        double linears = config.layout().modules().stream()
                .filter(module -> module.kind() == Parameter.Kind.LINEAR)
                .mapToDouble(module -> module.shape().elements())
                .sum();
        return new Flops(config, linears, (double) config.vocabSize() * config.hiddenSize());
    }

    /** Reading a prompt, with the logits of its last token. */
    public double prompt(int tokens) {
        return 2 * linears * tokens + attention(tokens) + 2 * head;
    }

    /** Generating one token, without attention. */
    public double answerToken() {
        return 2 * (linears + head);
    }

    /** The loss of a sequence. */
    public double loss(int tokens, double supervised) {
        return 2 * linears * tokens + attention(tokens) + 2 * head * supervised;
    }

    /**
     * Loss and gradients of a sequence: no weight has a gradient, and attention's two products have four. The products
     * of blocks that are computed again count twice.
     */
    public double lossAndGradients(int tokens, double supervised, Recompute recompute) {
        double again = switch (recompute) {
            case NEVER -> 0;
            case BLOCKS -> 2 * linears * tokens + attention(tokens);
        };
        return 4 * linears * tokens + 3 * attention(tokens) + 4 * head * supervised + again;
    }

    /** Attention over a sequence: two products of each query with each key that it sees. */
    private double attention(int tokens) {
        double flops = 0;
        for (LayerConfig layer : config.layers()) {
            double seen = layer.window() > 0 ? Math.min(tokens, layer.window()) : tokens;
            double pairs = seen * (seen + 1) / 2 + (tokens - seen) * seen;
            flops += 4 * pairs * layer.queryDim();
        }
        return flops;
    }
}
