package dev.jemma.engine.train;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.TrainingExample;
import dev.jemma.engine.chat.Conversation;
import dev.jemma.engine.chat.ConversationException;
import dev.jemma.engine.io.JsonSource;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Reads the rows of training files, {@link dev.jemma.engine.io.JsonLines} in any form that
 * {@link Conversation#of(JsonNode)} takes, and texts and token ids. A complaint names file, line and column:
 * {@code train.jsonl:37:14: messages[1].role is 7, wanted a string}.
 */
final class RowReader {
    private RowReader() {}

    /**
     * The row in a line.
     *
     * @throws FormatException if there is none
     */
    static TrainingRow row(JsonSource source) {
        ObjectNode json = source.object();
        if (Conversation.isIn(json)) {
            return new TrainingRow.Chat(conversation(json, source));
        }
        if (json.has("prompt") && json.has("completion")) {
            return new TrainingRow.PromptCompletion(source.string(json, "prompt"), source.string(json, "completion"));
        }
        if (json.has("text")) {
            return new TrainingRow.PlainText(source.string(json, "text"));
        }
        if (json.has("input_ids")) {
            return tokens(json, source);
        }
        throw FormatException.at(
                source.file(),
                source.line(),
                1,
                "has the keys " + List.copyOf(json.propertyNames())
                        + ", wanted messages, or prompt and completion, or text, or input_ids");
    }

    private static Conversation conversation(ObjectNode json, JsonSource source) {
        try {
            Conversation conversation = Conversation.of(json);
            if (conversation.messages().isEmpty()) {
                throw source.complaint("/messages", "messages is [], wanted a list of messages");
            }
            return conversation;
        } catch (ConversationException e) {
            throw source.complaint(e.pointer(), e.problem());
        }
    }

    private static TrainingRow tokens(ObjectNode json, JsonSource source) {
        int[] ids = ints(json, "input_ids", source);
        int[] labels = json.has("labels") ? ints(json, "labels", source) : ids.clone();
        if (ids.length == 0 || labels.length != ids.length) {
            throw source.complaint(
                    "/labels",
                    "labels is " + labels.length + " numbers, wanted as many as input_ids has, " + ids.length
                            + ", and at least one");
        }
        return new TrainingRow.Tokens(new TrainingExample(ids, labels));
    }

    private static int[] ints(ObjectNode json, String key, JsonSource source) {
        JsonNode list = json.get(key);
        if (!list.isArray()) {
            throw source.complaint(
                    "/" + key, key + " is " + JsonSource.shown(list) + ", wanted a list of whole numbers");
        }
        int[] ints = new int[list.size()];
        for (int i = 0; i < ints.length; i++) {
            JsonNode value = list.get(i);
            boolean id = value.isIntegralNumber() && value.canConvertToInt() && value.intValue() >= 0;
            boolean ignored =
                    key.equals("labels") && value.isIntegralNumber() && value.asInt(0) == TrainingExample.IGNORED;
            if (!id && !ignored) {
                throw source.complaint(
                        "/" + key + "/" + i, key + "[" + i + "] is " + JsonSource.shown(value) + ", wanted a token id");
            }
            ints[i] = value.intValue();
        }
        return ints;
    }
}
