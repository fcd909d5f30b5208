package dev.jemma.cli;

import dev.jemma.engine.api.ToolCall;
import dev.jemma.engine.chat.Conversation;
import dev.jemma.engine.chat.ConversationFile;
import dev.jemma.engine.chat.DeclaredTool;
import dev.jemma.engine.chat.Message;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.node.JsonNodeFactory;

/** The turns of a chat so far. */
final class History {
    private final List<DeclaredTool> tools;
    private String system;
    private final List<Message> turns = new ArrayList<>();

    /**
     * @param system what the model is told before everything else; may be empty
     * @param tools what it may call
     */
    History(String system, List<DeclaredTool> tools) {
        this.system = system;
        this.tools = List.copyOf(tools);
    }

    String system() {
        return system;
    }

    void system(String text) {
        system = text;
    }

    List<DeclaredTool> tools() {
        return tools;
    }

    /** System turn, all others, and the tools. */
    Conversation conversation() {
        List<Message> messages = new ArrayList<>();
        if (!system.isEmpty()) {
            messages.add(new Message.System(system));
        }
        messages.addAll(turns);
        return new Conversation(messages, tools);
    }

    void user(String text) {
        turns.add(new Message.User(text));
    }

    /** The assistant's words, and its calls if there are any. */
    void assistant(String text, List<ToolCall> calls) {
        turns.add(new Message.Assistant(
                text,
                calls.stream().map(call -> new Message.IssuedCall("", call)).toList()));
    }

    void result(String tool, String content) {
        turns.add(new Message.ToolResult("", tool, JsonNodeFactory.instance.stringNode(content)));
    }

    /** Takes back the turns after the first {@code count}. */
    void rewind(int count) {
        turns.subList(Math.min(count, turns.size()), turns.size()).clear();
    }

    int size() {
        return turns.size();
    }

    /**
     * Writes the messages as {@code jemma generate --messages} reads them; tools stay in the file that they came from.
     */
    void save(Path file) throws IOException {
        ConversationFile.write(file, new Conversation(conversation().messages(), List.of()));
    }

    /**
     * Replaces what was said by what a file holds.
     *
     * @return how many tools it declares, which are not taken over
     */
    int load(Path file) throws IOException {
        Conversation loaded = ConversationFile.read(file);
        List<Message> messages = loaded.messages();
        boolean led = messages.getFirst() instanceof Message.System;
        system = messages.getFirst() instanceof Message.System(String text) ? text : "";
        turns.clear();
        turns.addAll(led ? messages.subList(1, messages.size()) : messages);
        return loaded.tools().size();
    }
}
