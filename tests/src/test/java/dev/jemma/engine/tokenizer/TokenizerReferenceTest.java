package dev.jemma.engine.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.tests.ProcessorTime;
import dev.jemma.tests.RealTokenizers;
import dev.jemma.tests.Shared;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The real tokenizers against Hugging Face's ids and texts, in {@link Shared#textReference}.
 */
final class TokenizerReferenceTest {
    private static final JsonMapper JSON = new JsonMapper();

    @ParameterizedTest
    @ValueSource(strings = {"gemma2", "gemma3"})
    void givesHuggingFacesIdsAndTexts(String family) throws IOException, InterruptedException {
        Optional<Path> rows = Shared.textReference().map(folder -> folder.resolve("tokenization.jsonl"));
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

    /**
     * Texts that are worst for a byte-pair encoder: one word of a megabyte, spaces and line breaks that merge in many
     * ways, bytes without a token of their own. 16 times the text takes 16 times the time and somewhat more (n log n:
     * 20 times); a quadratic encoder takes 256 times.
     */
    @Test
    void timeGrowsWithTheLengthOfTheText() throws IOException, InterruptedException {
        Optional<Path> file = RealTokenizers.find("gemma3");
        Assumptions.assumeTrue(file.isPresent(), "no tokenizer.json of gemma3");
        var tokenizer = new Tokenizer(TokenizerJson.read(file.get(), Files.readAllBytes(file.get())));
        String prose = "The quick brown fox, naïve and 12 years old, jumps over 日本語のテキスト.\n";
        for (String piece : List.of(
                prose, "a", " ", "\n", "\t", "ab", "the", "\uE000", "👋🏽", "<start_of_turn", "<unused", "\u0301")) {
            String small = piece.repeat((1 << 16) / piece.length());
            String large = small.repeat(16);
            assertThat(tokenizer.decode(tokenizer.encode(large, Specials.WITHOUT), Specials.WITH))
                    .isEqualTo(large);
            assertThat(seconds(tokenizer, large) / seconds(tokenizer, small))
                    .as("time of 1 Mi / 64 Ki chars of <%s>", piece)
                    .isLessThan(64);
        }
    }

    /** Of the fastest of three. */
    private static double seconds(Tokenizer tokenizer, String text) {
        double least = Double.MAX_VALUE;
        for (int round = 0; round < 3; round++) {
            double start = ProcessorTime.seconds();
            tokenizer.encode(text, Specials.WITHOUT);
            least = Math.min(least, ProcessorTime.seconds() - start);
        }
        return least;
    }

    private static int[] ints(JsonNode array) {
        int[] values = new int[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = array.get(i).intValue();
        }
        return values;
    }
}
