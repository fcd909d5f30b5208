package dev.jemma.engine.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jemma.engine.tokenizer.Encoding;
import dev.jemma.engine.tokenizer.Tokenizer;
import dev.jemma.tests.RealTokenizers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What transformers' apply_chat_template says is the assistant's, for TRL's training templates. Remade by
 * scripts/make_mask_golden.py.
 */
final class GenerationMaskTest {
    private final JsonNode conversations = JsonMapper.shared()
            .readTree(Files.readString(JinjaDifferentialTest.GOLDEN.resolve("trl-conversations.json")));
    private final Map<String, ChatTemplate> templates = new HashMap<>();

    GenerationMaskTest() throws IOException {
        for (JsonNode row : JinjaDifferentialTest.lines("trl.jsonl")) {
            if (row.has("source")) {
                templates.put(
                        row.get("template").stringValue(),
                        ChatTemplate.parse(row.get("source").stringValue()));
            }
        }
    }

    private Rendering render(JsonNode row) {
        JsonNode conversation = conversations.get(row.get("conversation").stringValue());
        ChatTemplate template = templates.getOrDefault(row.get("template").stringValue(), ChatTemplate.parse(""));
        return template.trace(conversation.get("messages"), conversation.path("tools"), RenderOptions.defaults());
    }

    /** Generated characters as ranges in code points; ranges that touch are one. */
    private static List<List<Integer>> ranges(Rendering rendering) {
        List<List<Integer>> ranges = new ArrayList<>();
        int at = 0;
        for (Rendering.Piece piece : rendering.pieces()) {
            int end = at + piece.text().codePointCount(0, piece.text().length());
            add(ranges, piece.generated() ? at : end, end);
            at = end;
        }
        return ranges;
    }

    private static void add(List<List<Integer>> ranges, int from, int to) {
        if (from == to) {
            return;
        }
        if (!ranges.isEmpty() && ranges.getLast().get(1) == from) {
            ranges.set(ranges.size() - 1, List.of(ranges.getLast().get(0), to));
        } else {
            ranges.add(List.of(from, to));
        }
    }

    @Test
    void generationBlocksCoverTheCharactersThatTransformersCounts() {
        int compared = 0;
        for (JsonNode row : JinjaDifferentialTest.lines("masks.jsonl")) {
            if (row.has("ranges")) {
                List<List<Integer>> expected = new ArrayList<>();
                row.get("ranges")
                        .forEach(range -> add(
                                expected, range.get(0).intValue(), range.get(1).intValue()));
                assertThat(ranges(render(row)))
                        .as("%s, %s", row.get("template"), row.get("conversation"))
                        .isEqualTo(expected);
                compared++;
            }
        }
        assertThat(compared).isGreaterThan(100);
    }

    @ParameterizedTest
    @ValueSource(strings = {"gemma2", "gemma3"})
    void tokensAndMaskAreTransformersOwn(String family) throws IOException, InterruptedException {
        Optional<Path> file = RealTokenizers.find(family);
        assumeTrue(
                file.isPresent(),
                "no tokenizer.json of " + family + " (needs xz, or the real model in the cache folder)");
        Tokenizer tokenizer = Tokenizer.load(file.get());
        int compared = 0;
        for (JsonNode row : JinjaDifferentialTest.lines("masks.jsonl")) {
            if (row.path("family").asString("").equals(family)) {
                Encoding encoding = tokenizer.encodeSpans(render(row).spans());
                List<Integer> ids = new ArrayList<>();
                List<Integer> mask = new ArrayList<>();
                for (int i = 0; i < encoding.ids().length; i++) {
                    ids.add(encoding.ids()[i]);
                    mask.add(encoding.generated()[i] ? 1 : 0);
                }
                assertThat(ids).as("%s", row.get("conversation")).isEqualTo(ints(row.get("ids")));
                assertThat(mask).as("%s", row.get("conversation")).isEqualTo(ints(row.get("mask")));
                compared++;
            }
        }
        assertThat(compared).isGreaterThanOrEqualTo(2);
    }

    private static List<Integer> ints(JsonNode array) {
        List<Integer> ints = new ArrayList<>();
        array.forEach(value -> ints.add(value.intValue()));
        return ints;
    }
}
