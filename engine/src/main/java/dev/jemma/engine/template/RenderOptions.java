package dev.jemma.engine.template;

import java.time.LocalDateTime;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/**
 * What a template is given beside messages and tools.
 *
 * @param prompt whether the rendering ends with the header of the assistant's turn
 * @param specialTokens the model's special tokens by their names ({@code bos_token}, {@code eos_token}, ...)
 * @param variables further variables, such as {@code enable_thinking}; trusted
 * @param now the time that {@code strftime_now} tells; empty for the time of the rendering
 */
public record RenderOptions(
        GenerationPrompt prompt,
        Map<String, String> specialTokens,
        Map<String, JsonNode> variables,
        Optional<LocalDateTime> now) {

    /** Whether a rendering ends with the header of the turn that is to be generated. */
    public enum GenerationPrompt {
        /** The rendering ends after the last message. */
        OMIT,
        /** It ends with the assistant's header. */
        ADD
    }

    public RenderOptions {
        specialTokens = Map.copyOf(specialTokens);
        variables = Map.copyOf(variables);
    }

    /** {@code <bos>} and {@code <eos>}, no generation prompt, nothing else. */
    public static RenderOptions defaults() {
        return withTokens("<bos>", "<eos>");
    }

    /** The given tokens, no generation prompt, nothing else. */
    public static RenderOptions withTokens(String bos, String eos) {
        return new RenderOptions(
                GenerationPrompt.OMIT, Map.of("bos_token", bos, "eos_token", eos), Map.of(), Optional.empty());
    }

    /** These options with or without the generation prompt. */
    public RenderOptions with(GenerationPrompt wanted) {
        return new RenderOptions(wanted, specialTokens, variables, now);
    }

    /** These options with one more variable. */
    public RenderOptions with(String name, JsonNode value) {
        Map<String, JsonNode> more = new LinkedHashMap<>(variables);
        more.put(name, value);
        return new RenderOptions(prompt, specialTokens, more, now);
    }

    /** These options at a fixed time. */
    public RenderOptions at(LocalDateTime time) {
        return new RenderOptions(prompt, specialTokens, variables, Optional.of(time));
    }
}
