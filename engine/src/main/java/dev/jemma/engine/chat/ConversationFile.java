package dev.jemma.engine.chat;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.io.AtomicFile;
import dev.jemma.engine.io.JsonSource;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** A conversation, or tools, in a JSON file of their own. */
public final class ConversationFile {
    private ConversationFile() {}

    /**
     * The conversation in {@code file}, in any form that {@link Conversation#of(JsonNode)} takes.
     *
     * @throws FormatException naming the place, if there is none with at least one message
     * @throws IOException if the file cannot be read
     */
    public static Conversation read(Path file) throws IOException {
        JsonSource source = JsonSource.of(file);
        JsonNode json = source.value();
        if (!json.isArray() && !Conversation.isIn(json)) {
            throw FormatException.in(file, "wanted a list of messages, or an object with messages and tools");
        }
        try {
            Conversation conversation = Conversation.of(json);
            if (conversation.messages().isEmpty()) {
                throw FormatException.in(file, "wanted a list of messages, and this one is empty");
            }
            return conversation;
        } catch (ConversationException e) {
            throw source.complaint(e.pointer(), e.problem());
        }
    }

    /**
     * The tools in {@code file}: a list of declarations, or an object with {@code tools}.
     *
     * @throws FormatException naming the place, if there are none
     * @throws IOException if the file cannot be read
     */
    public static List<DeclaredTool> tools(Path file) throws IOException {
        JsonSource source = JsonSource.of(file);
        JsonNode json = source.value();
        JsonNode list = json.has("tools") ? json.get("tools") : json;
        if (!list.isArray() && !list.isString()) {
            throw FormatException.in(file, "wanted a list of tool declarations");
        }
        try {
            return Conversation.tools(list);
        } catch (ConversationException e) {
            // a list by itself is the whole text, so its parts have no /tools before them
            String pointer = json.has("tools") ? e.pointer() : e.pointer().replaceFirst("^/tools", "");
            throw source.complaint(pointer, e.problem());
        }
    }

    /** Writes a conversation so that {@link #read} reads it back; a file that was there is replaced at once. */
    public static void write(Path file, Conversation conversation) throws IOException {
        String text = conversation.toJson().toPrettyString() + "\n";
        AtomicFile.write(file, text.getBytes(StandardCharsets.UTF_8));
    }
}
