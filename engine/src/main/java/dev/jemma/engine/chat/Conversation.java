package dev.jemma.engine.chat;

import dev.jemma.engine.api.ToolSpec;
import dev.jemma.engine.io.JsonSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.MissingNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Messages, and the tools that may be called: what {@link ChatFormat} makes a prompt of. Rows of training and test
 * files, files of messages, and programs all come to it through here, so that the same conversation is the same prompt
 * for all of them. Immutable.
 *
 * @param messages oldest first
 * @param tools what may be called; empty if nothing may
 */
public record Conversation(List<Message> messages, List<DeclaredTool> tools) {
    private static final String MESSAGES = "messages";
    private static final String SHARE_GPT = "conversations";
    private static final String PROMPT = "prompt";
    private static final String COMPLETION = "completion";
    private static final String TOOLS = "tools";

    public Conversation {
        messages = List.copyOf(messages);
        tools = List.copyOf(tools);
    }

    /** A conversation that is made of Java's values. */
    public static Conversation of(List<? extends Message> messages, List<ToolSpec> tools) {
        return new Conversation(
                List.copyOf(messages), tools.stream().map(DeclaredTool::of).toList());
    }

    /**
     * A conversation in JSON: a list of messages; or an object of {@code messages}, ShareGPT's {@code conversations},
     * or {@code prompt} and {@code completion} as lists of messages, each with {@code tools} or without. Tools may be
     * JSON in a string, and declared with or without their wrapping in {@code function}; for messages see
     * {@link Message#of(JsonNode)}. Other keys are not read.
     *
     * @throws ConversationException if it is none
     */
    public static Conversation of(JsonNode json) {
        if (json.isArray()) {
            return new Conversation(messages(json, MESSAGES, ""), List.of());
        }
        List<Message> messages;
        if (!json.has(MESSAGES) && json.has(SHARE_GPT)) {
            messages = some(json, SHARE_GPT);
        } else if (!json.has(MESSAGES) && isIn(json)) {
            messages = new ArrayList<>(some(json, PROMPT));
            messages.addAll(some(json, COMPLETION));
        } else {
            messages = messages(json.path(MESSAGES), MESSAGES, "/" + MESSAGES);
        }
        return new Conversation(messages, tools(json.path(TOOLS)));
    }

    /** Whether {@link #of(JsonNode)} finds messages in an object, well-formed or not. */
    public static boolean isIn(JsonNode json) {
        return json.has(MESSAGES) || json.has(SHARE_GPT) || json.path(PROMPT).isArray() && json.has(COMPLETION);
    }

    /** The messages at a key, at least one. */
    private static List<Message> some(JsonNode json, String key) {
        List<Message> messages = messages(json.get(key), key, "/" + key);
        if (messages.isEmpty()) {
            throw new ConversationException("/" + key, key + " is [], wanted a list of messages");
        }
        return messages;
    }

    private static List<Message> messages(JsonNode list, String name, String pointer) {
        if (!list.isArray()) {
            throw new ConversationException(
                    pointer, name + " is " + JsonSource.shown(list) + ", wanted a list of messages");
        }
        List<Message> messages = new ArrayList<>(list.size());
        for (int i = 0; i < list.size(); i++) {
            messages.add(
                    MessageJson.message(MessageJson.canonical(list.get(i), name + "[" + i + "]", pointer + "/" + i)));
        }
        return messages;
    }

    /**
     * Tools in JSON: a list of declarations, the same as JSON in a string, or null or nothing for none.
     *
     * @throws ConversationException if it is none of these
     */
    public static List<DeclaredTool> tools(JsonNode json) {
        JsonNode list = json;
        if (json.isString()) {
            try {
                list = json.stringValue().isBlank() ? MissingNode.getInstance() : JsonSource.parse(json.stringValue());
            } catch (JacksonException e) {
                throw new ConversationException(
                        "/" + TOOLS, "tools is a string that is no JSON: " + JsonSource.reason(e));
            }
        }
        if (list.isMissingNode() || list.isNull()) {
            return List.of();
        }
        if (!list.isArray()) {
            throw new ConversationException(
                    "/" + TOOLS, "tools is " + JsonSource.shown(list) + ", wanted a list of tool declarations");
        }
        List<DeclaredTool> tools = new ArrayList<>(list.size());
        for (int i = 0; i < list.size(); i++) {
            tools.add(new DeclaredTool(
                    MessageJson.canonicalTool(list.get(i), "tools[" + i + "]", "/" + TOOLS + "/" + i)));
        }
        return tools;
    }

    /** The tools as tool formats and judges know them. */
    public List<ToolSpec> specs() {
        return tools.stream().map(DeclaredTool::spec).toList();
    }

    /** The answer that ends the conversation, if the model speaks last. */
    public Optional<Message> answer() {
        return messages.isEmpty() || !messages.getLast().isAssistant()
                ? Optional.empty()
                : Optional.of(messages.getLast());
    }

    /** The conversation without the answer that ends it. */
    public Conversation question() {
        return answer().isPresent() ? new Conversation(messages.subList(0, messages.size() - 1), tools) : this;
    }

    /**
     * {@code {"messages": [...], "tools": [...]}}, without tools if there are none; {@link #of(JsonNode)} reads it
     * back.
     */
    public ObjectNode toJson() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.set(MESSAGES, json(messages));
        if (!tools.isEmpty()) {
            json.set(TOOLS, DeclaredTool.json(tools));
        }
        return json;
    }

    /** Messages as templates take them. */
    static ArrayNode json(List<Message> messages) {
        ArrayNode json = JsonNodeFactory.instance.arrayNode();
        messages.forEach(message -> json.add(message.toJson()));
        return json;
    }
}
