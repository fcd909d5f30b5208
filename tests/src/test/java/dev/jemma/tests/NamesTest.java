package dev.jemma.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.engine.api.ModelFiles;
import dev.jemma.engine.checkpoint.config.GemmaConfig;
import dev.jemma.engine.checkpoint.config.Layout;
import dev.jemma.engine.checkpoint.config.Place;
import dev.jemma.engine.gemma.TinyModels;
import dev.jemma.engine.safetensors.Shards;
import dev.jemma.engine.tokenizer.Tokenizer;
import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** A name that is written twice is changed once. */
final class NamesTest {
    private static final Pattern TEXT_OR_COMMENT =
            Pattern.compile("\"\"\".*?\"\"\"|\"(?:\\\\.|[^\"\\\\\n])*\"|/\\*.*?\\*/|//[^\n]*", Pattern.DOTALL);

    @Test
    void namesOfModelFilesAreWrittenInOnePlace() throws IOException, IllegalAccessException {
        List<String> names = new ArrayList<>(List.of(Tokenizer.FILE, Shards.SINGLE, Shards.INDEX));
        for (Field field : ModelFiles.class.getDeclaredFields()) {
            names.add((String) field.get(null));
        }
        assertWrittenOnce(names);
    }

    /** A linear map is added by one line: {@link Place}. */
    @Test
    void namesOfParametersAreWrittenInOnePlace() throws IOException {
        Layout layout = GemmaConfig.read(TinyModels.ROOT.resolve("gemma3").resolve("config.json"))
                .config()
                .layout();
        assertWrittenOnce(layout.parameters().stream()
                .map(parameter -> parameter.module().replaceFirst("^model\\.layers\\.\\d+\\.", ""))
                .distinct()
                .toList());
    }

    private static void assertWrittenOnce(List<String> names) throws IOException {
        List<String> literals = literals();
        for (String name : names) {
            // tokenizer_config.json is no config.json, nor is the index of model.safetensors the file itself
            Pattern alone = Pattern.compile("(?<![\\w.-])" + Pattern.quote(name) + "(?!\\.?\\w)");
            assertThat(literals)
                    .filteredOn(literal -> alone.matcher(literal).find())
                    .as(name)
                    .hasSize(1);
        }
    }

    /** The string literals of the main code, each behind the file that it stands in. */
    private static List<String> literals() throws IOException {
        List<String> found = new ArrayList<>();
        for (String module : List.of("engine", "agent-sdk", "cli")) {
            try (Stream<Path> files = Files.walk(Path.of("..", module, "src", "main", "java"))) {
                for (Path file :
                        files.filter(path -> path.toString().endsWith(".java")).toList()) {
                    TEXT_OR_COMMENT
                            .matcher(Files.readString(file))
                            .results()
                            .map(match -> match.group())
                            .filter(text -> text.startsWith("\""))
                            .forEach(text -> found.add(file.getFileName() + ": " + text));
                }
            }
        }
        return found;
    }
}
