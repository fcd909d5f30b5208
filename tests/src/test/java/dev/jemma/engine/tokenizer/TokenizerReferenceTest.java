package dev.jemma.engine.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.tests.RealTokenizers;
import dev.jemma.tests.Shared;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The real tokenizers against Hugging Face's ids and texts. The rows come from the shared folder, or from the file that the system property {@code jemma.tokenization} names: remade with another
 * seed, they are texts that nobody has seen.
 */
final class TokenizerReferenceTest {
    private static final JsonMapper JSON = new JsonMapper();

    @ParameterizedTest
    @ValueSource(strings = {"gemma2", "gemma3"})
    void givesHuggingFacesIdsAndTexts(String family) throws IOException, InterruptedException {
        String property = System.getProperty("jemma.tokenization", "");
        Optional<Path> rows =
                property.isEmpty() ? Shared.folder("reference/tokenization.jsonl") : Optional.of(Path.of(property));
        Optional<Path> file = RealTokenizers.find(family);
        Assumptions.assumeTrue(rows.isPresent(), "no tokenization.jsonl beside the repository");
        Assumptions.assumeTrue(
                file.isPresent(),
                "no tokenizer.json of " + family + " (needs xz, or the real model in the cache folder)");
        var tokenizer = new Tokenizer(TokenizerJson.read(file.get(), Files.readAllBytes(file.get())));

        int compared = 0;
        for (String line : Files.readAllLines(rows.get())) {
            JsonNode row = JSON.readTree(line);
            if (!row.path("family").stringValue("").equals(family)) {
                continue;
            }
            compared++;
            String text = row.path("text").stringValue();
            int[] plain = ints(row.path("ids_plain"));
            assertThat(tokenizer.encode(text, Specials.WITH))
                    .as("ids of <%s>", text)
                    .isEqualTo(ints(row.path("ids")));
            assertThat(tokenizer.encode(text, Specials.WITHOUT))
                    .as("plain ids of <%s>", text)
                    .isEqualTo(plain);
            assertThat(tokenizer.decode(plain, Specials.WITH))
                    .as("text of <%s>", text)
                    .isEqualTo(row.path("decoded").stringValue());
            assertThat(tokenizer.decode(plain, Specials.WITHOUT))
                    .as("text of <%s> without special tokens", text)
                    .isEqualTo(row.path("decoded_skip_special").stringValue());
        }
        assertThat(compared).isGreaterThan(100);
    }

    private static int[] ints(JsonNode array) {
        int[] values = new int[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = array.get(i).intValue();
        }
        return values;
    }
}
