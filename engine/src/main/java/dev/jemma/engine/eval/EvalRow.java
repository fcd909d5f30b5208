package dev.jemma.engine.eval;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.ToolSpec;
import dev.jemma.engine.chat.Conversation;
import dev.jemma.engine.chat.ConversationException;
import dev.jemma.engine.chat.Message;
import dev.jemma.engine.io.JsonLines;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;

/**
 * One question whose right calls are known.
 *
 * @param id names the question; what stands before its first number is its {@link #category}
 * @param conversation the question, and what may be called; without messages where the row has none
 * @param accepted the calls that are wanted, in any order; empty if the right answer is to call nothing
 * @param unseenTools whether none of the tools occurs in the training rows; empty if the row does not say
 */
public record EvalRow(
        String id, Conversation conversation, List<AcceptedCall> accepted, Optional<Boolean> unseenTools) {
    private static final Pattern CATEGORY = Pattern.compile("(.+?)[_-]?\\d.*");

    public EvalRow {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(unseenTools, "unseenTools");
        Objects.requireNonNull(conversation, "conversation");
        accepted = List.copyOf(accepted);
    }

    /** The kind of question, from the id: {@code live_simple} of {@code live_simple_119-75-0}. */
    public String category() {
        Matcher matcher = CATEGORY.matcher(id);
        return matcher.matches() ? matcher.group(1) : id;
    }

    /** The tools that may be called. */
    public List<ToolSpec> tools() {
        return conversation.specs();
    }

    /**
     * All rows of a {@link JsonLines} file. A row has {@code id}, a conversation in any form that
     * {@link Conversation#of(JsonNode)} takes, and what is wanted: {@code accept} as the leaderboard has it, or else
     * the calls of the assistant turn that ends the conversation.
     *
     * @throws FormatException if a line is no such row, two rows have the same id, or there is none
     * @throws java.io.UncheckedIOException if the file cannot be read
     */
    public static List<EvalRow> readAll(Path file) {
        return readAll(file, Answers.GIVEN);
    }

    /**
     * As {@link #readAll(Path)}, for a model to answer.
     *
     * @throws FormatException as there, and if a row has no messages
     */
    public static List<EvalRow> questions(Path file) {
        return readAll(file, Answers.WANTED);
    }

    /** Whether somebody has answered the rows, or shall. */
    private enum Answers {
        GIVEN,
        WANTED
    }

    private static List<EvalRow> readAll(Path file, Answers answers) {
        List<EvalRow> rows = new ArrayList<>();
        Set<String> ids = new HashSet<>();
        JsonLines.read(file, (json, source) -> {
            EvalRow row;
            try {
                row = of(json, source.line());
            } catch (ConversationException e) {
                throw source.complaint(e.pointer(), e.problem());
            } catch (IllegalArgumentException e) {
                throw source.complaint(String.valueOf(e.getMessage()));
            }
            if (!ids.add(row.id())) {
                throw source.complaint("id '" + row.id() + "' occurs twice");
            }
            if (answers == Answers.WANTED && row.conversation().messages().isEmpty()) {
                throw source.complaint("row '" + row.id() + "' has no messages to answer");
            }
            rows.add(row);
        });
        if (rows.isEmpty()) {
            throw FormatException.in(file, "has no rows");
        }
        return rows;
    }

    /**
     * One row.
     *
     * @param number stands in for a missing id
     * @throws IllegalArgumentException if it is none, naming the key
     */
    public static EvalRow of(JsonNode row, long number) {
        if (!row.isObject()) {
            throw new IllegalArgumentException("the row is " + row.getNodeType() + ", wanted an object");
        }
        JsonNode id = row.path("id");
        JsonNode unseen = row.path("unseen_tools");
        Conversation conversation = Conversation.isIn(row)
                ? Conversation.of(row)
                : new Conversation(List.of(), Conversation.tools(row.path("tools")));
        return new EvalRow(
                id.isMissingNode() ? "row_" + number : id.asString(),
                conversation.question(),
                row.has("accept") ? accept(row.get("accept")) : calls(conversation),
                unseen.isBoolean() ? Optional.of(unseen.booleanValue()) : Optional.empty());
    }

    private static List<AcceptedCall> accept(JsonNode accept) {
        if (!accept.isArray()) {
            throw new IllegalArgumentException("accept is " + accept.getNodeType() + ", wanted an array");
        }
        List<AcceptedCall> calls = new ArrayList<>();
        for (JsonNode call : accept) {
            calls.add(AcceptedCall.ofLeaderboard(call, "accept[" + calls.size() + "]"));
        }
        return calls;
    }

    private static List<AcceptedCall> calls(Conversation conversation) {
        Message answer = conversation
                .answer()
                .orElseThrow(() -> new IllegalArgumentException(
                        "nothing says what is right: wanted accept, or messages that end with an assistant turn"));
        return answer.calls().stream()
                .map(call ->
                        AcceptedCall.exactly(call.call().name(), call.call().arguments()))
                .toList();
    }
}
