package dev.jemma.engine.inspect;

import dev.jemma.engine.checkpoint.GenerationConfig;
import java.util.List;
import java.util.OptionalInt;
import tools.jackson.databind.node.ObjectNode;

/**
 * How a model wants to be sampled, under generation_config.json's names.
 *
 * @param doSample whether to sample; otherwise greedy
 * @param temperature divides the logits
 * @param topK among the k likeliest; 0 = all
 * @param topP among the likeliest of probability p; 1 = all
 * @param minP without what is less likely than minP times the likeliest; 0 = all
 * @param repetitionPenalty for tokens seen; 1 = none
 * @param bosTokenId begins a text
 * @param eosTokenIds end a text
 * @param padTokenId fills
 */
public record Sampling(
        boolean doSample,
        double temperature,
        int topK,
        double topP,
        double minP,
        double repetitionPenalty,
        OptionalInt bosTokenId,
        List<Integer> eosTokenIds,
        OptionalInt padTokenId) {
    public Sampling {
        eosTokenIds = List.copyOf(eosTokenIds);
    }

    static Sampling of(GenerationConfig config) {
        return new Sampling(
                config.doSample(),
                config.temperature(),
                config.topK(),
                config.topP(),
                config.minP(),
                config.repetitionPenalty(),
                config.bosTokenId(),
                config.eosTokenIds(),
                config.padTokenId());
    }

    void writeTo(ObjectNode json) {
        json.put("do_sample", doSample);
        json.put("temperature", temperature);
        json.put("top_k", topK);
        json.put("top_p", topP);
        json.put("min_p", minP);
        json.put("repetition_penalty", repetitionPenalty);
        bosTokenId.ifPresent(id -> json.put("bos_token_id", id));
        eosTokenIds.forEach(json.putArray("eos_token_id")::add);
        padTokenId.ifPresent(id -> json.put("pad_token_id", id));
    }
}
