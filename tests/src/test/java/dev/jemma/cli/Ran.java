package dev.jemma.cli;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * One run of the command in this JVM.
 *
 * @param status what the process would have exited with
 * @param out what went to stdout
 * @param err what went to stderr
 */
record Ran(int status, String out, String err) {
    /** Checkpoints of a few ten thousand random weights without a tokenizer. */
    static final Path MODELS = Path.of("src/test/resources/models");

    /** Runs {@code jemma ARGUMENTS...}; a list among them stands for its elements. */
    static Ran jemma(Object... arguments) {
        String[] texts = Arrays.stream(arguments)
                .flatMap(argument -> argument instanceof List<?> list ? list.stream() : List.of(argument).stream())
                .map(Object::toString)
                .toArray(String[]::new);
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int status = Main.run(new PrintWriter(out), new PrintWriter(err, true), texts);
        return new Ran(status, out.toString(), err.toString());
    }

    /** The same with {@code input} on stdin. */
    static Ran withInput(String input, Object... arguments) {
        InputStream before = System.in;
        System.setIn(new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)));
        try {
            return jemma(arguments);
        } finally {
            System.setIn(before);
        }
    }

    /** Stdout as one JSON document. */
    JsonNode json() {
        return JsonMapper.shared().readTree(out);
    }

    /** Stdout as JSON Lines. */
    List<JsonNode> lines() {
        return jsonLines(out);
    }

    /** JSON Lines, parsed. */
    static List<JsonNode> jsonLines(String text) {
        return text.lines().map(JsonMapper.shared()::readTree).toList();
    }

    /** An object's keys, in order. */
    static List<String> keys(JsonNode object) {
        return List.copyOf(object.propertyNames());
    }
}
