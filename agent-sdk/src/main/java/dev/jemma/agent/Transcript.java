package dev.jemma.agent;

import dev.jemma.engine.chat.Message;
import java.util.ArrayList;
import java.util.List;

/** What was said before a question, and since. */
final class Transcript {
    private final List<Message> before;
    private final List<Message> since = new ArrayList<>();

    Transcript(List<Message> before) {
        this.before = List.copyOf(before);
    }

    void add(Message message) {
        since.add(message);
    }

    void addAll(List<? extends Message> messages) {
        since.addAll(messages);
    }

    /** Everything, oldest first. */
    List<Message> all() {
        List<Message> all = new ArrayList<>(before);
        all.addAll(since);
        return all;
    }

    /** The question and what followed. */
    List<Message> since() {
        return List.copyOf(since);
    }

    AgentException exception(AgentException.Reason reason, String message) {
        return new AgentException(reason, message, since);
    }

    AgentException exception(AgentException.Reason reason, String message, Throwable cause) {
        return new AgentException(reason, message, cause, since);
    }
}
