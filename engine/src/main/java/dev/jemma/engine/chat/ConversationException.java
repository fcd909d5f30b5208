package dev.jemma.engine.chat;

/**
 * JSON that is no conversation. The message names the part, the value seen and the value wanted:
 * {@code messages[1].role is 7, wanted a string}.
 */
public final class ConversationException extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;

    private final String pointer;
    private final String problem;

    ConversationException(String pointer, String problem) {
        super(problem);
        this.pointer = pointer;
        this.problem = problem;
    }

    /** The part, as a JSON pointer into what was to be read: {@code /messages/1/role}; empty for all of it. */
    public String pointer() {
        return pointer;
    }

    /** The message: part, value seen, value wanted. */
    public String problem() {
        return problem;
    }
}
