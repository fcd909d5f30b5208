package dev.jemma.engine.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.jemma.engine.api.GenerationOptions;
import dev.jemma.engine.constraint.TokenConstraint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The sampler against Hugging Face's logits processors (tests/scripts/make_sampler_cases.py) and its own promises. */
final class SamplerTest {
    private static final JsonMapper JSON = new JsonMapper();
    private static final int[] NONE = {};

    private static List<JsonNode> cases() throws IOException {
        try (var lines = Files.lines(Path.of("src", "test", "resources", "generate", "sampler.jsonl"))) {
            return lines.map(JSON::readTree).toList();
        }
    }

    private static GenerationOptions options(JsonNode row) {
        return GenerationOptions.GREEDY
                .withTemperature(row.path("temperature").doubleValue())
                .withTopK(row.path("top_k").intValue())
                .withTopP(row.path("top_p").doubleValue())
                .withMinP(row.path("min_p").doubleValue())
                .withRepetitionPenalty(row.path("repetition_penalty").doubleValue())
                .withSeed(1);
    }

    private static Sampler sampler(JsonNode row, GenerationOptions options) {
        var sampler =
                new Sampler(options, row.path("logits").size(), ints(row.path("suppressed")), TokenConstraint.NONE);
        row.path("seen").forEach(id -> sampler.see(id.intValue()));
        return sampler;
    }

    private static float[] logits(JsonNode row) {
        float[] logits = new float[row.path("logits").size()];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = row.path("logits").get(i).floatValue();
        }
        return logits;
    }

    private static int[] ints(JsonNode array) {
        int[] values = new int[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = array.get(i).intValue();
        }
        return values;
    }

    @Test
    void drawsFromTheTokensThatHuggingFaceDrawsFrom() throws IOException {
        List<JsonNode> cases = cases();
        assertThat(cases).hasSizeGreaterThan(150);
        for (JsonNode row : cases) {
            var sampler = sampler(row, options(row));
            int id = sampler.choose(logits(row));
            assertThat(sampler.admitted()).as("%s", row).containsExactlyInAnyOrder(ints(row.path("kept")));
            assertThat(sampler.admitted()).contains(id);
        }
    }

    @Test
    void greedyTakesHuggingFacesLikeliest() throws IOException {
        for (JsonNode row : cases()) {
            assertThat(sampler(row, options(row).withTemperature(0)).choose(logits(row)))
                    .as("%s", row)
                    .isEqualTo(row.path("greedy").intValue());
        }
    }

    @Test
    void drawsAsOftenAsLikely() throws IOException {
        JsonNode row = cases().stream()
                .filter(c -> c.path("kept").size() >= 4 && c.path("kept").size() <= 8)
                .findFirst()
                .orElseThrow();
        var sampler = sampler(row, options(row));
        int[] kept = ints(row.path("kept"));
        int[] drawn = new int[row.path("logits").size()];
        int draws = 20_000;
        for (int i = 0; i < draws; i++) {
            drawn[sampler.choose(logits(row))]++;
        }
        for (int i = 0; i < kept.length; i++) {
            // four standard deviations of 20,000 draws are at most 0.0142
            assertThat((double) drawn[kept[i]] / draws)
                    .isCloseTo(row.path("probabilities").get(i).doubleValue(), within(0.0142));
        }
    }

    @Test
    void theSameSeedDrawsTheSame() {
        var options = GenerationOptions.GREEDY.withTemperature(1).withTopP(0.9).withSeed(99);
        assertThat(draws(options, 50)).isEqualTo(draws(options, 50));
        assertThat(draws(options, 50)).isNotEqualTo(draws(options.withSeed(100), 50));
    }

    private static int[] draws(GenerationOptions options, int count) {
        var random = new Random(4);
        var sampler = new Sampler(options, 5000, NONE, TokenConstraint.NONE);
        int[] drawn = new int[count];
        for (int i = 0; i < count; i++) {
            drawn[i] = sampler.choose(gaussian(random, 5000, 1));
        }
        return drawn;
    }

    private static float[] gaussian(Random random, int size, double scale) {
        float[] logits = new float[size];
        for (int i = 0; i < size; i++) {
            logits[i] = (float) (random.nextGaussian() * scale);
        }
        return logits;
    }

    @Test
    void topPOverALargeVocabularyKeepsTheFewestThatReachIt() {
        var random = new Random(8);
        for (double scale : new double[] {0.01, 1, 5, 20}) {
            float[] logits = gaussian(random, 60_000, scale);
            var sampler = new Sampler(
                    GenerationOptions.GREEDY.withTemperature(1).withTopP(0.8).withSeed(1),
                    60_000,
                    NONE,
                    TokenConstraint.NONE);
            sampler.choose(logits.clone());
            Float[] sorted = new Float[logits.length];
            Arrays.setAll(sorted, i -> logits[i]);
            Arrays.sort(sorted, (a, b) -> Float.compare(b, a));
            double total = 0;
            for (float logit : sorted) {
                total += Math.exp((double) logit - sorted[0]);
            }
            double kept = 0;
            int fewest = 0;
            while (kept < 0.8 * total) {
                kept += Math.exp((double) sorted[fewest++] - sorted[0]);
            }
            assertThat(sampler.admitted().length).as("scale %s", scale).isBetween(fewest - 1, fewest + 1);
        }
    }

    @Test
    void theConstraintRulesOutAndIsTold() {
        int[] told = {-1};
        var sampler = new Sampler(GenerationOptions.GREEDY, 4, NONE, new TokenConstraint() {
            @Override
            public void mask(float[] logits) {
                logits[3] = Float.NEGATIVE_INFINITY;
            }

            @Override
            public void accept(int id) {
                told[0] = id;
            }
        });
        assertThat(sampler.choose(new float[] {0, 1, 2, 3})).isEqualTo(2);
        assertThat(told[0]).isEqualTo(2);
    }

    @Test
    void saysWhyNothingCanBeChosen() {
        var sampler = new Sampler(GenerationOptions.GREEDY, 2, new int[] {0, 1}, TokenConstraint.NONE);
        assertThatThrownBy(() -> sampler.choose(new float[] {0, 1}))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("every logit is minus infinity: no token may come next");
        var greedy = new Sampler(GenerationOptions.GREEDY, 2, NONE, TokenConstraint.NONE);
        assertThatThrownBy(() -> greedy.choose(new float[] {Float.NaN, 1}))
                .hasMessage("the model's logits are not finite; its weights or its adapter's are damaged");
        assertThatThrownBy(() -> greedy.choose(new float[] {1, Float.POSITIVE_INFINITY}))
                .hasMessage("the model's logits are not finite; its weights or its adapter's are damaged");
    }

    @Test
    void optionsAreChecked() {
        assertThatThrownBy(() -> GenerationOptions.GREEDY.withTopP(1.5))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("top_p is 1.5, wanted 0 to 1");
        assertThatThrownBy(() -> GenerationOptions.GREEDY.withTemperature(-1))
                .hasMessage("temperature is -1.0, wanted 0 or more");
        assertThatThrownBy(() -> GenerationOptions.GREEDY.withMinP(Double.NaN))
                .hasMessage("min_p is NaN, wanted 0 to 1");
        assertThatThrownBy(() -> GenerationOptions.GREEDY.withTopK(-1))
                .hasMessage("top_k is -1, wanted 0 (all) or more");
        assertThatThrownBy(() -> GenerationOptions.GREEDY.withMaxNewTokens(-1))
                .hasMessage("max_new_tokens is -1, wanted 0 or more");
        assertThatThrownBy(() -> GenerationOptions.GREEDY.withRepetitionPenalty(0))
                .hasMessage("repetition_penalty is 0.0, wanted more than 0");
        assertThatThrownBy(() -> GenerationOptions.GREEDY.withStop(List.of("a", "")))
                .hasMessage("a stop text is empty, wanted at least one character");
    }
}
