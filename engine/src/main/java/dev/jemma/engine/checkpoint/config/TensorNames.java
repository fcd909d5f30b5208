package dev.jemma.engine.checkpoint.config;

import java.util.Optional;

/**
 * Maps the names that checkpoints and adapters of Gemma use for one and the same module to canonical ones, those of the
 * text-only models: {@code model.layers.0.self_attn.q_proj}, {@code model.embed_tokens}, {@code model.norm},
 * {@code lm_head}.
 */
public final class TensorNames {
    private TensorNames() {}

    /**
     * The canonical name of a tensor or module; empty for what belongs to the vision part of a multimodal model.
     *
     * <p>{@code language_model.model.*} and {@code language_model.lm_head} are the hub's form and that of transformers
     * before 4.52, {@code model.language_model.*} the form since; bare {@code layers.*} come from a saved base model.
     */
    public static Optional<String> canonical(String name) {
        if (name.startsWith("model.language_model.")) {
            return Optional.of("model." + name.substring("model.language_model.".length()));
        }
        if (name.startsWith("language_model.model.")) {
            return Optional.of(name.substring("language_model.".length()));
        }
        if (name.startsWith("language_model." + Place.HEAD.module())) {
            return Optional.of(name.substring("language_model.".length()));
        }
        if (isVision(name) || (name.startsWith("model.") && isVision(name.substring("model.".length())))) {
            return Optional.empty();
        }
        String inner = "model." + name;
        boolean bare = inner.startsWith("model.layers.")
                || inner.startsWith(Place.EMBEDDING.module())
                || inner.startsWith(Place.FINAL_NORM.module() + ".");
        return Optional.of(bare ? inner : name);
    }

    private static boolean isVision(String name) {
        return name.startsWith("vision_tower.") || name.startsWith("multi_modal_projector.");
    }
}
