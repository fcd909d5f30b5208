package dev.jemma.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.engine.api.Arithmetic;
import dev.jemma.engine.api.GenerationEvent;
import dev.jemma.engine.api.GenerationOptions;
import dev.jemma.engine.api.GenerationResult;
import dev.jemma.engine.tokenizer.Specials;
import dev.jemma.tests.AutoCompute;
import dev.jemma.tests.Shared;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The real Gemma 3 270M from text to text, against what Hugging Face generated: the first prompts, because the model's
 * own tests compare the ids of all. {@code -Djemma.greedy=FILE} takes every prompt of another file of
 * make_reference.py; each is compared up to the first token where the two likeliest are so near that the arithmetic may
 * swap them.
 */
@AutoCompute
final class RealGemmaSessionTest {
    private static final JsonMapper JSON = new JsonMapper();
    private static final int PROMPTS = 3;

    /** Difference of the two greatest logits below which either may win. */
    private static double nearTie(Arithmetic arithmetic) {
        return switch (arithmetic) {
            case F32, INT8 -> 1e-3; // another order of summation; nothing of this model is quantized
            case BF16 ->
                0.25; // twice the greatest change of that difference in bf16, over 150 positions of three texts
        };
    }

    @Test
    void greedyTextIsHuggingFaces() throws IOException {
        Path model = Shared.needGemma270m();
        String property = System.getProperty("jemma.greedy", "");
        Path file = property.isEmpty() ? Shared.need("models/gemma-3-270m/greedy.jsonl") : Path.of(property);
        try (Gemma gemma = Gemma.open(model);
                Session session = gemma.session(SessionOptions.DEFAULTS.withContextLength(1024))) {
            int compared = 0;
            List<String> lines = Files.readAllLines(file);
            for (String line : property.isEmpty() ? lines.subList(0, PROMPTS) : lines) {
                JsonNode row = JSON.readTree(line);
                String text = row.path("text").stringValue();
                List<Integer> wanted = ints(row.path("new"));
                int certain =
                        certain(row.path("gaps"), nearTie(gemma.precision().arithmetic()));
                var streamed = new StringBuilder();
                GenerationResult result = session.generate(
                        text,
                        GenerationOptions.GREEDY.withMaxNewTokens(wanted.size()).ignoringEos(),
                        event -> {
                            switch (event) {
                                case GenerationEvent.Text(String piece) -> streamed.append(piece);
                                case GenerationEvent.Control(int id, String token) -> streamed.append(token);
                                case GenerationEvent.Prompted prompted -> {}
                                case GenerationEvent.Finished finished -> {}
                            }
                        });
                assertThat(gemma.tokenizer().encode(text, Specials.WITH))
                        .containsExactly(ints(row.path("ids")).toArray(Integer[]::new));
                assertThat(result.ids().subList(0, certain)).as("%s", text).isEqualTo(wanted.subList(0, certain));
                if (certain == wanted.size()) {
                    assertThat(result.text()).isEqualTo(row.path("text_new").stringValue());
                }
                assertThat(streamed).hasToString(result.text());
                compared += certain;
            }
            assertThat(compared).as("tokens that are certain").isPositive();
        }
    }

    private static int certain(JsonNode gaps, double nearTie) {
        int certain = 0;
        while (certain < gaps.size() && gaps.get(certain).doubleValue() >= nearTie) {
            certain++;
        }
        return certain;
    }

    private static List<Integer> ints(JsonNode array) {
        List<Integer> values = new ArrayList<>();
        array.forEach(value -> values.add(value.intValue()));
        return values;
    }
}
