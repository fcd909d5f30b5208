package dev.jemma.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.cli.demo.DemoFiles;
import dev.jemma.engine.api.ModelFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * How often a run reads the files that say how conversations are written, as the JVM itself saw it: the bytes that were
 * read of a file, over its length. They are a megabyte for a real model, and once were read for every row.
 */
final class TemplateReadsTest {
    private static final int ROWS = 12;

    /** Any arithmetic reads the same files. */
    private static final List<String> F32 = List.of("--compute", "f32");

    @TempDir
    private Path folder;

    private Path model;
    private Path train;
    private Path test;

    @BeforeEach
    void writeDemo() throws IOException {
        model = folder.resolve("model");
        train = folder.resolve("train.jsonl");
        test = folder.resolve("test.jsonl");
        DemoFiles.writeModel(model);
        DemoFiles.writeTrainingRows(train, ROWS);
        DemoFiles.writeTestRows(test, 4);
    }

    /** Puts the template where the hub's Gemmas have it. */
    private void moveTemplateIntoTokenizerConfig() throws IOException {
        Path template = model.resolve(ModelFiles.CHAT_TEMPLATE);
        Path file = model.resolve(ModelFiles.TOKENIZER_CONFIG);
        ObjectNode config = (ObjectNode) JsonMapper.shared().readTree(Files.readString(file));
        config.put("chat_template", Files.readString(template));
        Files.writeString(file, config.toPrettyString());
        Files.delete(template);
    }

    /** Bytes read while {@code run} ran, by file. */
    private Map<Path, Long> bytesRead(Callable<Ran> run) throws Exception {
        Path dump = folder.resolve("reads.jfr");
        try (var recording = new Recording()) {
            recording.enable("jdk.FileRead").withThreshold(Duration.ZERO).withoutStackTrace();
            recording.start();
            Ran ran = run.call();
            recording.stop();
            recording.dump(dump);
            assertThat(ran.status()).as(ran.err()).isZero();
        }
        Map<Path, Long> bytes = new HashMap<>();
        for (RecordedEvent event : RecordingFile.readAllEvents(dump)) {
            if (event.getEventType().getName().equals("jdk.FileRead") && event.getString("path") != null) {
                bytes.merge(
                        Path.of(event.getString("path")).toAbsolutePath(),
                        Math.max(0, event.getLong("bytesRead")),
                        Long::sum);
            }
        }
        return bytes;
    }

    private void assertReadOnce(String file, Callable<Ran> run) throws Exception {
        Path path = file.startsWith("/") ? Path.of(file) : model.resolve(file);
        assertThat(bytesRead(run))
                .as("bytes read of " + path + ", which has " + Files.size(path))
                .containsEntry(path.toAbsolutePath(), Files.size(path));
    }

    private List<Callable<Ran>> runs(Object... options) {
        List<Object> more = List.of(options);
        List<Callable<Ran>> runs = new ArrayList<>();
        runs.add(() -> Ran.jemma(
                "train",
                F32,
                "--model",
                model,
                "--data",
                train,
                "--eval-data",
                test,
                "--out",
                folder.resolve("plan"),
                "--dry-run",
                more));
        runs.add(() -> Ran.jemma(
                "train",
                F32,
                "--model",
                model,
                "--data",
                train,
                "--eval-data",
                test,
                "--out",
                folder.resolve("out"),
                "--max-steps",
                1,
                more));
        runs.add(() -> Ran.jemma("score", F32, "--model", model, "--data", train, more));
        runs.add(() -> Ran.jemma("eval", F32, "--model", model, "--data", test, "--max-new-tokens", 2, more));
        runs.add(() -> Ran.jemma("render", "--model", model, "--data", train, more));
        return runs;
    }

    @Test
    void templateOfItsOwnFileIsReadOnceByARun() throws Exception {
        for (Callable<Ran> run : runs()) {
            assertReadOnce(ModelFiles.CHAT_TEMPLATE, run);
        }
    }

    @Test
    void tokenizerConfigWithTheTemplateIsReadOnceByARun() throws Exception {
        moveTemplateIntoTokenizerConfig();
        for (Callable<Ran> run : runs()) {
            assertReadOnce(ModelFiles.TOKENIZER_CONFIG, run);
        }
    }

    @Test
    void templateThatAUserNamesIsReadOnceByARun() throws Exception {
        Path mine = Files.copy(model.resolve(ModelFiles.CHAT_TEMPLATE), folder.resolve("mine.jinja"));
        for (Callable<Ran> run : runs("--chat-template", mine)) {
            assertReadOnce(mine.toAbsolutePath().toString(), run);
        }
    }

    @Test
    void templateOfAnAdapterIsReadOnceByARun() throws Exception {
        Path adapter = folder.resolve("adapter");
        Ran ran = Ran.jemma("train", F32, "--model", model, "--data", train, "--out", adapter, "--max-steps", 1);
        assertThat(ran.status()).as(ran.err()).isZero();
        for (String file : List.of(ModelFiles.CHAT_TEMPLATE, ModelFiles.JEMMA)) {
            String path = adapter.resolve(file).toAbsolutePath().toString();
            assertReadOnce(
                    path, () -> Ran.jemma("score", F32, "--model", model, "--adapter", adapter, "--data", train));
            assertReadOnce(
                    path,
                    () -> Ran.jemma(
                            "eval",
                            F32,
                            "--model",
                            model,
                            "--adapter",
                            adapter,
                            "--data",
                            test,
                            "--max-new-tokens",
                            2));
            assertReadOnce(
                    path,
                    () -> Ran.jemma(
                            "train",
                            F32,
                            "--model",
                            model,
                            "--init-adapter",
                            adapter,
                            "--data",
                            train,
                            "--out",
                            folder.resolve("more-" + file),
                            "--max-steps",
                            1));
        }
    }
}
