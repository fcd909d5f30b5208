package dev.jemma.engine.eval;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.engine.toolcall.ToolCallFormat;
import dev.jemma.tests.Shared;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Verdicts agree with the leaderboard's own checker. Cases are rows with {@code prediction}, {@code valid} and
 * {@code error_type}; the system property {@code jemma.checker} names a file of further ones.
 */
final class LeaderboardTest {
    private static final JsonMapper JSON = new JsonMapper();
    private static final Path BUNDLED = Path.of("src/test/resources/eval/checker.jsonl");

    @Test
    void agreesWithTheLeaderboardsCheckerInEveryBundledCase() throws IOException {
        assertAgrees(BUNDLED);
    }

    @Test
    void agreesWithTheLeaderboardsCheckerInEverySharedCase() throws IOException {
        Path cases = Shared.folder("bfcl/checker.jsonl")
                .orElseGet(() -> Assumptions.abort("no folder shared/bfcl beside the repository"));
        assertAgrees(cases);
    }

    @Test
    void agreesWithTheLeaderboardsCheckerInFreshCases() throws IOException {
        Path cases = Path.of(System.getProperty("jemma.checker", ""));
        Assumptions.assumeTrue(Files.isRegularFile(cases), "no cases named by -Djemma.checker");
        assertAgrees(cases);
    }

    private static void assertAgrees(Path cases) throws IOException {
        List<EvalRow> rows = EvalRow.readAll(cases);
        List<Verdict> verdicts = new Judge(ToolCallFormat.named("hermes")).judge(rows, Judge.readPredictions(cases));
        List<String> differences = new ArrayList<>();
        try (Stream<String> lines = Files.lines(cases)) {
            List<JsonNode> expected = lines.map(JSON::readTree).toList();
            for (int i = 0; i < expected.size(); i++) {
                Verdict verdict = verdicts.get(i);
                JsonNode row = expected.get(i);
                if (verdict.correct() != row.get("valid").booleanValue()
                        || !verdict.reason().equals(row.get("error_type").stringValue())) {
                    differences.add(row.get("id") + ": " + verdict.reason() + " (" + verdict.explanation()
                            + "), the leaderboard: " + row.get("error_type") + "\n  " + row.get("prediction") + "\n  "
                            + row.get("accept"));
                }
            }
        }
        assertThat(rows).isNotEmpty();
        assertThat(differences).isEmpty();
    }
}
