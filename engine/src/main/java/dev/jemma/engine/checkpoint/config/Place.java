package dev.jemma.engine.checkpoint.config;

import static dev.jemma.engine.checkpoint.config.Declaration.linear;
import static dev.jemma.engine.checkpoint.config.Declaration.norm;
import static dev.jemma.engine.checkpoint.config.Declaration.vocabulary;
import static dev.jemma.engine.checkpoint.config.Dimension.HEAD_DIM;
import static dev.jemma.engine.checkpoint.config.Dimension.HIDDEN;
import static dev.jemma.engine.checkpoint.config.Dimension.INTERMEDIATE;
import static dev.jemma.engine.checkpoint.config.Dimension.KEYS;
import static dev.jemma.engine.checkpoint.config.Dimension.QUERIES;

import dev.jemma.engine.checkpoint.config.Declaration.Stage;

/**
 * The parameters of a Gemma: what each is called by Hugging Face and by llama.cpp, how large it is, which layers have
 * it. A parameter is declared here and nowhere else: what files must hold, the numbers of modules, what LoRA adapts,
 * what {@code --weights} makes small, widths of activations and the names in GGUF files are views of this table
 * ({@link Layout}).
 *
 * <p>They stand in the order in which a forward meets them, norms of heads behind the projections. The order was saved
 * with models and runs: it numbers the modules, by which dropout is seeded, and orders what optimizers keep. A new
 * parameter may stand anywhere, since models without it keep their numbers; those that are here do not change places.
 */
public enum Place {
    /** A token's row, which {@link GemmaConfig#embeddingScale} multiplies. */
    EMBEDDING(vocabulary(Parameter.Kind.EMBEDDING, "model.embed_tokens", "token_embd")
            .beforeLayers()),

    /** Before attention. */
    INPUT_NORM(norm("input_layernorm", "attn_norm", HIDDEN)),
    /** To the queries of all heads. */
    Q_PROJ(linear("self_attn.q_proj", "attn_q", QUERIES, HIDDEN)),
    /** To the keys of all heads. */
    K_PROJ(linear("self_attn.k_proj", "attn_k", KEYS, HIDDEN).in8BitsAtLeast()),
    /** To the values of all heads. */
    V_PROJ(linear("self_attn.v_proj", "attn_v", KEYS, HIDDEN).in8BitsAtLeast()),
    /** From what the heads have read. */
    O_PROJ(linear("self_attn.o_proj", "attn_output", HIDDEN, QUERIES)),
    /** Over each head's queries, before the rotation. */
    Q_NORM(norm("self_attn.q_norm", "attn_q_norm", HEAD_DIM).where(Place::normsHeads)),
    /** Over each head's keys, before the rotation. */
    K_NORM(norm("self_attn.k_norm", "attn_k_norm", HEAD_DIM).where(Place::normsHeads)),
    /** Between attention and the residual stream. */
    POST_ATTENTION_NORM(
            norm("post_attention_layernorm", "post_attention_norm", HIDDEN).where(Place::normsOutputs)),

    /** Before the MLP. */
    PRE_MLP_NORM(norm("pre_feedforward_layernorm", "ffn_norm", HIDDEN)) {
        /** Where nothing norms attention's output, this norm has that one's name. */
        @Override
        String path(LayerConfig layer) {
            return normsOutputs(layer) ? path() : POST_ATTENTION_NORM.path();
        }
    },
    /** To the gate of the MLP. */
    GATE_PROJ(linear("mlp.gate_proj", "ffn_gate", INTERMEDIATE, HIDDEN)),
    /** To what the gate lets through. */
    UP_PROJ(linear("mlp.up_proj", "ffn_up", INTERMEDIATE, HIDDEN)),
    /** From what the gate has let through. */
    DOWN_PROJ(linear("mlp.down_proj", "ffn_down", HIDDEN, INTERMEDIATE).in8BitsAtLeast()),
    /** Between the MLP and the residual stream. */
    POST_MLP_NORM(norm("post_feedforward_layernorm", "post_ffw_norm", HIDDEN).where(Place::normsOutputs)),

    /** After the last layer. */
    FINAL_NORM(norm("model.norm", "output_norm", HIDDEN).afterLayers()),
    /** To logits. Where it is tied, its weight is the embedding's. */
    HEAD(vocabulary(Parameter.Kind.HEAD, "lm_head", "output").afterLayers());

    private final Declaration declared;

    Place(Declaration declared) {
        this.declared = declared;
    }

    private static boolean normsHeads(LayerConfig layer) {
        return layer.headNorms() == LayerConfig.HeadNorms.QUERIES_AND_KEYS;
    }

    private static boolean normsOutputs(LayerConfig layer) {
        return layer.norms() == LayerConfig.Norms.BEFORE_AND_AFTER;
    }

    /** What its parameter does. */
    public Parameter.Kind kind() {
        return declared.kind();
    }

    /**
     * The canonical name of the weight at a place outside of the layers, such as {@code lm_head.weight}; {@link Layout}
     * knows those inside.
     *
     * @throws IllegalArgumentException for a place in a layer
     */
    public String weight() {
        return module() + Parameter.WEIGHT;
    }

    /**
     * The canonical name of the module at a place outside of the layers, such as {@code lm_head}.
     *
     * @throws IllegalArgumentException for a place in a layer
     */
    public String module() {
        requireOutside();
        return path();
    }

    /** The name in GGUF files of the weight at a place outside of the layers. */
    public String ggufWeight() {
        requireOutside();
        return declared.ggufPath() + Parameter.WEIGHT;
    }

    private void requireOutside() {
        if (stage() == Stage.IN_LAYER) {
            throw new IllegalArgumentException(this + " is in every layer, wanted a place outside of the layers");
        }
    }

    Declaration declared() {
        return declared;
    }

    Stage stage() {
        return declared.stage();
    }

    final String path() {
        return declared.path();
    }

    /** Its module's name inside {@code layer}. */
    String path(LayerConfig layer) {
        return path();
    }
}
