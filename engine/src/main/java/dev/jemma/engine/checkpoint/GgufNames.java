package dev.jemma.engine.checkpoint;

import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Maps llama.cpp's names of tensors (gguf-py/gguf/constants.py) to Hugging Face's canonical ones. */
final class GgufNames {
    /** The embedding. */
    static final String EMBEDDING = "token_embd.weight";

    /** An untied head. */
    static final String HEAD = "output.weight";

    private static final Pattern LAYER = Pattern.compile("blk\\.(0|[1-9][0-9]{0,4})\\.([a-z_]+)\\.weight");

    private static final Map<String, String> MODULES = Map.ofEntries(
            Map.entry("attn_norm", "input_layernorm"),
            Map.entry("attn_q", "self_attn.q_proj"),
            Map.entry("attn_k", "self_attn.k_proj"),
            Map.entry("attn_v", "self_attn.v_proj"),
            Map.entry("attn_output", "self_attn.o_proj"),
            Map.entry("attn_q_norm", "self_attn.q_norm"),
            Map.entry("attn_k_norm", "self_attn.k_norm"),
            Map.entry("post_attention_norm", "post_attention_layernorm"),
            Map.entry("ffn_gate", "mlp.gate_proj"),
            Map.entry("ffn_up", "mlp.up_proj"),
            Map.entry("ffn_down", "mlp.down_proj"),
            Map.entry("post_ffw_norm", "post_feedforward_layernorm"));

    private GgufNames() {}

    /** The canonical name of a tensor of a Gemma of {@code family}; empty for one that it does not have. */
    static Optional<String> canonical(String name, Family family) {
        switch (name) {
            case EMBEDDING -> {
                return Optional.of(GemmaConfig.EMBEDDING);
            }
            case HEAD -> {
                return Optional.of(GemmaConfig.HEAD);
            }
            case "output_norm.weight" -> {
                return Optional.of(GemmaConfig.FINAL_NORM);
            }
            default -> {
                Matcher layer = LAYER.matcher(name);
                return layer.matches()
                        ? module(layer.group(2), family)
                                .map(module -> "model.layers." + layer.group(1) + "." + module + ".weight")
                        : Optional.empty();
            }
        }
    }

    /** The norm before the MLP is called post_attention_layernorm where there is none after the attention. */
    private static Optional<String> module(String name, Family family) {
        if (name.equals("ffn_norm")) {
            return Optional.of(family.postNorms() ? "pre_feedforward_layernorm" : "post_attention_layernorm");
        }
        return Optional.ofNullable(MODULES.get(name));
    }
}
