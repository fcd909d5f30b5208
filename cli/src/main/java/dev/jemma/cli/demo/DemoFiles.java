package dev.jemma.cli.demo;

import dev.jemma.engine.api.ModelFiles;
import dev.jemma.engine.tokenizer.Tokenizer;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * The demo's model and rows, which travel inside the program; tests/scripts/demo/make_demo.py made them. Weights are
 * mapped into memory, so they must lie in files before they can be used.
 */
public final class DemoFiles {
    private static final List<String> MODEL = List.of(
            ModelFiles.CONFIG,
            ModelFiles.GENERATION_CONFIG,
            Tokenizer.FILE,
            ModelFiles.TOKENIZER_CONFIG,
            ModelFiles.CHAT_TEMPLATE,
            ModelFiles.WEIGHTS);

    private DemoFiles() {}

    /** Writes the model's files into {@code folder}, which is made if it is not there. */
    public static void writeModel(Path folder) throws IOException {
        Files.createDirectories(folder);
        for (String name : MODEL) {
            try (InputStream in = open("model/" + name)) {
                Files.copy(in, folder.resolve(name));
            }
        }
    }

    /** Writes the first {@code count} training rows; any multiple of six has every method as often. */
    public static void writeTrainingRows(Path file, int count) throws IOException {
        writeRows("train.jsonl", file, count);
    }

    /** Writes the first {@code count} test rows. */
    public static void writeTestRows(Path file, int count) throws IOException {
        writeRows("test.jsonl", file, count);
    }

    private static void writeRows(String name, Path file, int count) throws IOException {
        try (BufferedReader rows = new BufferedReader(new InputStreamReader(open(name), StandardCharsets.UTF_8));
                BufferedWriter out = Files.newBufferedWriter(file)) {
            for (int i = 0; i < count; i++) {
                String row = rows.readLine();
                if (row == null) {
                    throw new IllegalArgumentException(name + " has " + i + " rows, wanted " + count);
                }
                out.write(row);
                out.write('\n');
            }
        }
    }

    private static InputStream open(String name) throws IOException {
        InputStream in = DemoFiles.class.getResourceAsStream(name);
        if (in == null) {
            throw new FileNotFoundException("the demo's " + name + " is missing from this build of jemma");
        }
        return in;
    }
}
