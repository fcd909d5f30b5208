package dev.jemma.engine.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.engine.checkpoint.Checkpoint;
import dev.jemma.tests.RealTokenizers;
import dev.jemma.tests.Shared;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The tokenizer that a real GGUF file's pieces and scores make, against the tokenizer.json of the same model. */
final class GgufTokenizerTest {
    /** Not the user's: what an earlier build cached there is not what this one makes. */
    @TempDir
    Path cache;

    private String before = "";

    @BeforeEach
    void useOwnCache() {
        before = System.getProperty("jemma.cache", "");
        System.setProperty("jemma.cache", cache.toString());
    }

    @AfterEach
    void restoreCache() {
        if (before.isEmpty()) {
            System.clearProperty("jemma.cache");
        } else {
            System.setProperty("jemma.cache", before);
        }
    }

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
    void cachedTokenizerIsTheSame() throws IOException {
        TokenizerData derived = ofGguf().data();
        assertThat(cache.resolve("tokenizers")).isDirectoryContaining("glob:**.bin");
        TokenizerData cached = ofGguf().data();
        assertThat(cached.merges().table()).isEqualTo(derived.merges().table());
        assertThat(cached.added()).isEqualTo(derived.added());
        assertThat(cached.vocabulary().pool()).isEqualTo(derived.vocabulary().pool());
    }

    /**
     * Scores in the order of ids, as Gemma's models have them, give the merges of tokenizer.json; Gemma 2 has no piece
     * for a tab.
     */
    @ParameterizedTest
    @ValueSource(strings = {"gemma2", "gemma3"})
    void scoresInOrderGiveTheMergesOfTokenizerJson(String family) throws IOException, InterruptedException {
        Optional<Path> file = RealTokenizers.find(family);
        Assumptions.assumeTrue(file.isPresent(), "no tokenizer.json of " + family);
        TokenizerData wanted = TokenizerJson.read(file.get(), Files.readAllBytes(file.get()));
        Vocabulary vocabulary = wanted.vocabulary();
        int size = wanted.options().modelSize();
        List<byte[]> pieces = new ArrayList<>();
        List<ScoredPieces.Kind> kinds = new ArrayList<>();
        float[] scores = new float[size];
        for (int id = 0; id < size; id++) {
            String token = vocabulary.token(id);
            boolean isByte = token.matches("<0x[0-9A-F]{2}>") || family.equals("gemma2") && token.equals("\t");
            kinds.add(isByte ? ScoredPieces.Kind.BYTE : ScoredPieces.Kind.NORMAL);
            pieces.add((isByte && token.equals("\t") ? "<0x09>" : token).getBytes(StandardCharsets.UTF_8));
        }
        // the first piece behind the bytes has the score 0, as a user-defined one has
        int first = kinds.lastIndexOf(ScoredPieces.Kind.BYTE) + 1;
        for (int id = 0; id < size; id++) {
            scores[id] = first - id;
        }
        for (AddedToken token : wanted.added()) {
            if (token.id() < size) {
                boolean steers = token.special() || token.content().startsWith("<unused");
                kinds.set(token.id(), steers ? ScoredPieces.Kind.CONTROL : ScoredPieces.Kind.USER_DEFINED);
            }
        }
        TokenizerData derived = new ScoredPieces(
                        "m.gguf",
                        pieces,
                        scores,
                        kinds,
                        OptionalInt.of(3),
                        OptionalInt.of(2),
                        OptionalInt.empty(),
                        false)
                .data();
        assertThat(derived.merges().pairs()).isEqualTo(wanted.merges().pairs());
        assertThat(derived.vocabulary().id("\t")).isEqualTo(vocabulary.id("\t"));
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
