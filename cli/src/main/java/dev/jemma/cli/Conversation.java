package dev.jemma.cli;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.ToolCall;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** The turns of a chat, as JSON messages. */
final class Conversation {
    private String system;
    private final ArrayNode turns = JsonNodeFactory.instance.arrayNode();

    Conversation(String system) {
        this.system = system;
    }

    String system() {
        return system;
    }

    void system(String text) {
        system = text;
    }

    /** System turn and all others. */
    ArrayNode messages() {
        ArrayNode messages = JsonNodeFactory.instance.arrayNode();
        if (!system.isEmpty()) {
            messages.addObject().put("role", "system").put("content", system);
        }
        return messages.addAll(turns);
    }

    void user(String text) {
        turns.addObject().put("role", "user").put("content", text);
    }

    /** What the assistant said, and what it called if it did. */
    void assistant(String text, List<ToolCall> calls) {
        ObjectNode turn = turns.addObject().put("role", "assistant").put("content", text);
        if (!calls.isEmpty()) {
            ArrayNode list = turn.putArray("tool_calls");
            for (ToolCall call : calls) {
                ObjectNode function = list.addObject().put("type", "function").putObject("function");
                function.put("name", call.name());
                function.set("arguments", call.arguments());
            }
        }
    }

    void result(String tool, String content) {
        turns.addObject().put("role", "tool").put("name", tool).put("content", content);
    }

    /** Takes back the turns after the first {@code count}. */
    void rewind(int count) {
        while (turns.size() > count) {
            turns.remove(turns.size() - 1);
        }
    }

    int size() {
        return turns.size();
    }

    /** Writes the messages as {@code jemma generate --messages} reads them. */
    void save(Path file) throws IOException {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.set("messages", messages());
        Files.writeString(file, json.toPrettyString() + "\n");
    }

    /** Replaces everything by what {@link #save} wrote. */
    void load(Path file) throws IOException {
        JsonNode messages;
        try {
            messages = JsonLines.JSON.readTree(Files.readString(file)).path("messages");
        } catch (JacksonException e) {
            throw FormatException.in(file, "is no JSON: " + e.getOriginalMessage());
        }
        if (!messages.isArray()) {
            throw FormatException.in(file, "has no list of messages, wanted what /save wrote");
        }
        system = "";
        turns.removeAll();
        for (JsonNode message : messages) {
            if (message.path("role").asString("").equals("system")) {
                system = message.path("content").asString("");
            } else {
                turns.add(message);
            }
        }
    }
}
