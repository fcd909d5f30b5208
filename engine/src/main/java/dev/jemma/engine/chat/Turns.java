package dev.jemma.engine.chat;

import dev.jemma.engine.api.ToolCall;
import dev.jemma.engine.toolcall.ToolCallFormat;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Rewrites conversations into forms that more templates take. Inputs are never changed. */
final class Turns {
    private static final JsonMapper JSON = JsonMapper.shared();

    private Turns() {}

    /**
     * Tools as text, for a template that knows none: declarations at the end of the system turn, calls in the
     * assistant's content, results as content of tool turns.
     *
     * @param structure marks the format's own tags in text that does not come from the assistant
     */
    static List<Message> writeTools(Conversation conversation, ToolCallFormat format, UnaryOperator<String> structure) {
        List<Message> messages = conversation.messages();
        if (!speaksOfTools(conversation)) {
            return messages; // whatever tool turns there are hold text as the row's author wants it
        }
        List<Message> out = new ArrayList<>();
        int first = 0;
        if (!conversation.tools().isEmpty()) {
            String declared = structure.apply(format.declare(conversation.specs()));
            boolean system = !messages.isEmpty() && messages.getFirst().isSystem();
            String before = system ? messages.getFirst().text().strip() : "";
            out.add(Message.of(
                    system ? messages.getFirst().role() : "system",
                    before.isEmpty() ? declared : before + "\n\n" + declared));
            first = system ? 1 : 0;
        }
        List<String> called = List.of();
        int answered = 0;
        for (Message message : messages.subList(first, messages.size())) {
            if (message.isAssistant() && !message.calls().isEmpty()) {
                List<ToolCall> calls =
                        message.calls().stream().map(Message.IssuedCall::call).toList();
                called = calls.stream().map(ToolCall::name).toList();
                answered = 0;
                String said = message.text().strip();
                String written = format.write(calls);
                out.add(Message.of(message.role(), said.isEmpty() ? written : said + "\n" + written));
            } else if (message.role().equals(MessageJson.TOOL)) {
                JsonNode json = message.toJson();
                String name = json.path("name").asString(answered < called.size() ? called.get(answered) : "");
                answered++;
                String written = format.writeResult(name, result(json.get(MessageJson.CONTENT)));
                out.add(Message.of(MessageJson.TOOL, structure.apply(written)));
            } else {
                out.add(message);
            }
        }
        return out;
    }

    /** Whether there are declarations or calls that have to be written; the Agents Course's rows hold both as text. */
    static boolean speaksOfTools(Conversation conversation) {
        return !conversation.tools().isEmpty()
                || conversation.messages().stream()
                        .anyMatch(message -> !message.calls().isEmpty());
    }

    /** A tool's result: JSON where its text is JSON. */
    private static JsonNode result(JsonNode content) {
        if (!content.isString()) {
            return content;
        }
        try {
            JsonNode parsed = JSON.readTree(content.stringValue());
            return parsed.isContainer() || parsed.isNumber() || parsed.isBoolean() ? parsed : content;
        } catch (JacksonException e) {
            return content;
        }
    }

    /**
     * The folding rule, for templates that only know users and assistants in strict alternation: a leading system turn
     * goes before the first user's text, with a blank line between; a tool's turn becomes a user's; neighbouring turns
     * of one side become one, with a line break between.
     */
    static List<Message> fold(List<Message> messages) {
        List<Message> out = new ArrayList<>();
        String system = "";
        String lastRole = "";
        StringBuilder content = new StringBuilder();
        for (Message message : messages) {
            String role = message.isAssistant() ? "assistant" : "user";
            String text = message.text().strip();
            if (message.isSystem() && lastRole.isEmpty()) {
                system = system.isEmpty() ? text : system + "\n\n" + text;
                continue;
            }
            if (!role.equals(lastRole)) {
                flush(out, lastRole, content);
                if (role.equals("user") && !system.isEmpty()) {
                    content.append(system).append("\n\n");
                    system = "";
                }
            } else {
                content.append('\n');
            }
            content.append(text);
            lastRole = role;
        }
        if (!system.isEmpty()) {
            flush(out, lastRole, content);
            content.append(system);
            lastRole = "user";
        }
        flush(out, lastRole, content);
        return out;
    }

    private static void flush(List<Message> out, String role, StringBuilder content) {
        if (!role.isEmpty()) {
            out.add(Message.of(role, content.toString()));
        }
        content.setLength(0);
    }
}
