package dev.jemma.tests;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Random rows of conversations in the forms that data sets have them: with tools, calls and results, system turns,
 * roles of any name, content null, in parts or missing, arguments and tools as JSON in strings, declarations and calls
 * without their wrapping, ShareGPT's keys, keys that only a template reads, and texts that spell control tokens. Each
 * ends with an answer.
 */
public final class RandomConversations {
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;
    private static final List<String> NASTY = List.of(
            "<end_of_turn>",
            "<start_of_turn>model\n",
            "<bos>",
            "<tool_call>",
            "</tool_response>",
            "<tools>",
            "{{",
            "\uE000",
            "\u200B");
    private static final List<String> ODD_ROLES = List.of("developer", "human", "observation", "critic", "Model");

    private final SplittableRandom random;
    private final RandomJson values;
    private final List<String> tools = new ArrayList<>();
    private int calls;

    private RandomConversations(SplittableRandom random) {
        this.random = random;
        this.values = new RandomJson(random, NASTY);
    }

    /** A row with {@code messages} or {@code conversations}, and perhaps {@code tools}. */
    public static ObjectNode row(SplittableRandom random) {
        return new RandomConversations(random).row();
    }

    private boolean chance(int oneIn) {
        return random.nextInt(oneIn) == 0;
    }

    private ObjectNode row() {
        ObjectNode row = NODES.objectNode();
        ArrayNode declared = tools();
        ArrayNode messages = NODES.arrayNode();
        if (chance(3)) {
            messages.add(message(chance(4) ? "developer" : "system", text()));
        }
        for (int turns = 1 + random.nextInt(3); turns > 0; turns--) {
            messages.add(message(chance(12) ? ODD_ROLES.get(random.nextInt(ODD_ROLES.size())) : "user", text()));
            if (chance(10)) {
                messages.add(message("user", text()));
            }
            if (!tools.isEmpty() && chance(2)) {
                addCallsAndResults(messages);
            }
            messages.add(message(chance(8) ? "model" : "assistant", text()));
        }
        boolean shareGpt = chance(6);
        row.set(shareGpt ? "conversations" : "messages", shareGpt && chance(2) ? shareGpt(messages) : messages);
        if (!declared.isEmpty() || chance(3)) {
            row.set("tools", chance(3) ? NODES.stringNode(declared.toString()) : declared);
        } else if (chance(3)) {
            row.putNull("tools");
        }
        if (chance(4)) {
            row.put("id", "row " + random.nextLong());
        }
        return row;
    }

    private ArrayNode tools() {
        ArrayNode declared = NODES.arrayNode();
        for (int i = chance(2) ? 0 : 1 + random.nextInt(3); i > 0; i--) {
            String name = "tool_" + random.nextInt(50);
            tools.add(name);
            ObjectNode function = NODES.objectNode().put("name", name);
            if (!chance(5)) {
                function.put("description", text());
            }
            ObjectNode parameters = function.putObject("parameters").put("type", "object");
            ObjectNode properties = parameters.putObject("properties");
            for (int p = random.nextInt(4); p > 0; p--) {
                properties
                        .putObject("p" + p)
                        .put("type", chance(2) ? "string" : "integer")
                        .put("description", text());
            }
            if (chance(6)) {
                function.put("strict", true);
            }
            if (chance(4)) {
                declared.add(function);
            } else {
                declared.addObject().put("type", "function").set("function", function);
            }
        }
        return declared;
    }

    private void addCallsAndResults(ArrayNode messages) {
        int count = 1 + random.nextInt(2);
        boolean ids = chance(2);
        boolean bare = chance(4);
        ObjectNode message = NODES.objectNode().put("role", chance(8) ? "model" : "assistant");
        switch (random.nextInt(4)) {
            case 0 -> message.putNull("content");
            case 1 -> message.put("content", text());
            case 2 -> message.put("content", "");
            default -> {
                // some data sets leave it out
            }
        }
        ArrayNode list = message.putArray("tool_calls");
        List<ObjectNode> results = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String name = tools.get(random.nextInt(tools.size()));
            ObjectNode function = NODES.objectNode().put("name", name);
            ObjectNode arguments = values.object(2);
            function.set("arguments", chance(3) ? NODES.stringNode(arguments.toString()) : arguments);
            String id = "call_" + ++calls;
            ObjectNode call = bare ? function : NODES.objectNode();
            if (ids) {
                call.put("id", id);
            }
            if (!bare) {
                call.put("type", "function").set("function", function);
            }
            list.add(call);
            ObjectNode result = message("tool", chance(2) ? values.object(1).toString() : text());
            if (ids) {
                result.put("tool_call_id", id);
            }
            if (!chance(4)) {
                result.put("name", name);
            } else if (chance(2)) {
                result.putNull("name");
            }
            results.add(result);
        }
        messages.add(message);
        results.forEach(messages::add);
    }

    private ObjectNode message(String role, String text) {
        ObjectNode message = NODES.objectNode();
        if (chance(10)) {
            message.put("reasoning", text());
        }
        message.put("role", role);
        if (chance(12) && !role.equals("tool")) {
            ArrayNode parts = message.putArray("content");
            parts.addObject().put("type", "text").put("text", text);
        } else {
            message.put("content", text);
        }
        if (chance(10)) {
            message.putNull("tool_calls");
        }
        return message;
    }

    /** The same messages by ShareGPT's keys. */
    private static ArrayNode shareGpt(ArrayNode messages) {
        ArrayNode list = NODES.arrayNode();
        for (JsonNode message : messages) {
            ObjectNode copy = NODES.objectNode();
            message.properties().forEach(entry -> {
                switch (entry.getKey()) {
                    case "role" ->
                        copy.put(
                                "from",
                                entry.getValue().stringValue().equals("assistant")
                                        ? "gpt"
                                        : entry.getValue().stringValue());
                    case "content" -> copy.set("value", entry.getValue());
                    default -> copy.set(entry.getKey(), entry.getValue());
                }
            });
            list.add(copy);
        }
        return list;
    }

    private String text() {
        StringBuilder text = new StringBuilder();
        for (int words = 1 + random.nextInt(6); words > 0; words--) {
            text.append(
                    switch (random.nextInt(9)) {
                        case 0 -> NASTY.get(random.nextInt(NASTY.size()));
                        case 1 -> "é ß 漢 ";
                        case 2 -> "\n";
                        default ->
                            List.of("the ", "room ", "heat ", "is ", "12 ").get(random.nextInt(5));
                    });
        }
        return text.toString();
    }
}
