package dev.jemma.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.cli.demo.DemoFiles;
import dev.jemma.engine.Gemma;
import dev.jemma.tests.AutoCompute;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

@AutoCompute
class DemonstrationTest {
    /** Too little to learn from, enough to go through every part. */
    private static final DemoPlan SHORT = new DemoPlan(24, 6, 1, 4, 4e-3, 40);

    @TempDir
    private Path folder;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @Test
    void tellsAccuracyBeforeAndAfterAndShowsTheAgentAtWork() throws IOException {
        assertThat(run(SHORT, false)).isEqualTo(Demonstration.Outcome.FINISHED);
        assertThat(out.toString())
                .contains("made for this demo")
                .contains("  shipParcel(to, kilos)  Sends a parcel")
                .contains("Before training: 6 questions")
                .contains("24 other rows")
                .contains("6 steps in ")
                .contains("After training: the same questions")
                .contains(Demonstration.QUESTIONS)
                .containsPattern("Summary: \\d+\\.\\d % of the calls right before training, \\d+\\.\\d % after");
        assertThat(folder.resolve("adapter/adapter_model.safetensors")).exists();
        assertThat(folder.resolve("tools.json")).content().contains("\"shipParcel\"");
    }

    @Test
    void stopsBetweenItsPartsWhenTheUserHasHadEnough() throws IOException {
        assertThat(run(SHORT, true)).isEqualTo(Demonstration.Outcome.STOPPED);
        assertThat(out.toString()).doesNotContain("Training:");
    }

    @Test
    void noArgumentOfTheAgentsQuestionsOccursInATrainingRow() throws IOException {
        DemoFiles.writeTrainingRows(folder.resolve("rows.jsonl"), DemoPlan.BUNDLED.trainingRows());
        List<String> questions = List.of("sunny kitchen", "21.8", "Golden Owl", "15", "2027-12-24", "2028-03-01");
        for (String line : Files.readAllLines(folder.resolve("rows.jsonl"))) {
            JsonNode call = JsonMapper.shared().readTree(line).at("/messages/1/tool_calls/0/function/arguments");
            assertThat(call.toString().split("[\\[\\]{}\":,]+")).doesNotContainAnyElementsOf(questions);
        }
    }

    @Test
    void refusesAFolderThatIsNotEmpty() throws IOException {
        Files.writeString(folder.resolve("mine"), "");
        int status = Main.run(new PrintWriter(out), new PrintWriter(err), "demo", "--out", folder.toString());
        assertThat(status).isEqualTo(1);
        assertThat(err.toString())
                .isEqualToIgnoringNewLines("jemma: --out " + folder + " is not empty; name a new folder");
    }

    /** What the demo promises. It takes minutes; run with -Djemma.demo=full. */
    @Test
    @EnabledIfSystemProperty(named = "jemma.demo", matches = "full")
    void learnsToCallNineInTenRight() throws IOException {
        assertThat(run(DemoPlan.BUNDLED, false)).isEqualTo(Demonstration.Outcome.FINISHED);
        Matcher summary = Pattern.compile("Summary: (\\d+\\.\\d) % .*? training, (\\d+\\.\\d) % after")
                .matcher(out.toString());
        assertThat(summary.find()).isTrue();
        assertThat(Double.parseDouble(summary.group(1))).isLessThanOrEqualTo(20);
        assertThat(Double.parseDouble(summary.group(2))).isGreaterThanOrEqualTo(90);
        assertThat(out.toString()).contains("returns \"68 days.\"");
    }

    private Demonstration.Outcome run(DemoPlan plan, boolean stopped) throws IOException {
        Path model = folder.resolve("model");
        DemoFiles.writeModel(model);
        try (Gemma gemma = Gemma.open(model)) {
            Demonstration demonstration = new Demonstration(
                    gemma, plan, folder, new PrintWriter(out, true), new PrintWriter(err, true), () -> stopped);
            demonstration.introduce(Demonstration.ABOUT_THE_BUNDLED_MODEL);
            return demonstration.run();
        }
    }
}
