package dev.jemma.engine.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.engine.gemma.Checkpoint;
import dev.jemma.tests.Shared;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The tokenizer that a real GGUF file's pieces and scores make, against the tokenizer.json of the same model. */
final class GgufTokenizerTest {
    private static Tokenizer ofGguf() throws IOException {
        try (Checkpoint checkpoint = Checkpoint.open(Shared.needGemma270mGguf())) {
            return checkpoint.tokenizer().orElseThrow();
        }
    }

    @Test
    void mergesAndAddedTokensAreThoseOfTokenizerJson() throws IOException {
        Path file = Shared.needGemma270m().resolve("tokenizer.json");
        TokenizerData wanted = TokenizerJson.read(file, Files.readAllBytes(file));
        TokenizerData found = ofGguf().data();
        assertThat(found.merges().pairs()).isEqualTo(wanted.merges().pairs());
        assertThat(found.merges().products()).isEqualTo(wanted.merges().products());
        assertThat(found.merges().glue()).isEqualTo(wanted.merges().glue());
        assertThat(found.merges().cutsAtWords()).isEqualTo(wanted.merges().cutsAtWords());
        for (int id = 0; id < found.vocabulary().size(); id++) {
            assertThat(found.vocabulary().token(id))
                    .isEqualTo(wanted.vocabulary().token(id));
        }
        // <image_soft_token> is no token of the text model: its id is that of no row of the embedding
        assertThat(found.added())
                .isEqualTo(wanted.added().stream()
                        .filter(token -> token.id() < found.vocabulary().size())
                        .toList());
    }

    @Test
    void givesHuggingFacesIdsAndTexts() throws IOException {
        Optional<Path> rows = Shared.folder("reference/tokenization.jsonl");
        Assumptions.assumeTrue(rows.isPresent(), "no tokenization.jsonl beside the repository");
        Tokenizer tokenizer = ofGguf();
        int compared = 0;
        for (String line : Files.readAllLines(rows.get())) {
            JsonNode row = JsonMapper.shared().readTree(line);
            if (!row.path("family").stringValue("").equals("gemma3")) {
                continue;
            }
            String text = row.path("text").stringValue();
            int[] plain = JsonMapper.shared().treeToValue(row.path("ids_plain"), int[].class);
            assertThat(tokenizer.encode(text, Specials.WITH))
                    .as("ids of <%s>", text)
                    .isEqualTo(JsonMapper.shared().treeToValue(row.path("ids"), int[].class));
            assertThat(tokenizer.encode(text, Specials.WITHOUT))
                    .as("<%s>", text)
                    .isEqualTo(plain);
            assertThat(tokenizer.decode(plain, Specials.WITH))
                    .isEqualTo(row.path("decoded").stringValue());
            assertThat(tokenizer.decode(plain, Specials.WITHOUT))
                    .isEqualTo(row.path("decoded_skip_special").stringValue());
            compared++;
        }
        assertThat(compared).isGreaterThan(100);
    }
}
