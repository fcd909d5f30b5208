package dev.jemma.agent;

import dev.jemma.engine.toolcall.CallEvent;
import dev.jemma.engine.toolcall.CallReader;
import dev.jemma.engine.toolcall.ParsedReply;
import dev.jemma.engine.toolcall.Recognition;
import dev.jemma.engine.toolcall.ToolCallFormat;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * A model that says what it was told to say, for tests of tools and agents without weights. Its turns stream in small
 * pieces, as a real model's do; what it was asked can be looked at afterwards.
 *
 * {@snippet :
 * var model = ScriptedModel.of(
 *         "<tool_call>{\"name\": \"temperature\", \"arguments\": {\"room\": \"kitchen\"}}</tool_call>",
 *         "It is 21 degrees.");
 * }
 */
public final class ScriptedModel implements LanguageModel {
    private static final int PIECE = 3;

    private final Deque<Function<Request, Turn>> script = new ArrayDeque<>();
    private final List<Request> requests = new ArrayList<>();
    private int said;

    private ScriptedModel() {}

    /**
     * What the model says in one turn.
     *
     * @param text with calls in the Hermes form
     * @param finish why it ends
     */
    public record Turn(String text, Finish finish) {}

    /** Says these texts, one a turn; calls are in the Hermes form. */
    public static ScriptedModel of(String... texts) {
        ScriptedModel model = new ScriptedModel();
        for (String text : texts) {
            model.then(text);
        }
        return model;
    }

    /** Then says this. */
    public ScriptedModel then(String text) {
        return then(request -> new Turn(text, Finish.STOP));
    }

    /** Then says this, and ends for another reason. */
    public ScriptedModel then(String text, Finish finish) {
        return then(request -> new Turn(text, finish));
    }

    /** Then says what the function makes of the request. */
    public ScriptedModel then(Function<Request, Turn> turn) {
        script.addLast(turn);
        return this;
    }

    /** What it was asked so far. */
    public List<Request> requests() {
        return List.copyOf(requests);
    }

    /**
     * The next turn of the script.
     *
     * @throws IllegalStateException if it has none left
     */
    @Override
    public Reply generate(Request request, Consumer<CallEvent> sink) {
        requests.add(request);
        if (script.isEmpty()) {
            throw new IllegalStateException("the script has " + said + " turns, and was asked for one more");
        }
        said++;
        Turn turn = script.removeFirst().apply(request);
        CallReader reader = ToolCallFormat.named("hermes").reader(Recognition.TEXT);
        List<CallEvent> events = new ArrayList<>();
        for (int from = 0; from < turn.text().length(); from += PIECE) {
            if (request.cancellation().isCancelled()) {
                return new Reply(new ParsedReply(events), Finish.CANCELLED, Usage.NONE);
            }
            pass(reader.feed(turn.text().substring(from, Math.min(turn.text().length(), from + PIECE))), events, sink);
        }
        pass(reader.finish(), events, sink);
        return new Reply(
                new ParsedReply(events),
                turn.finish(),
                new Usage(request.messages().size(), turn.text().length()));
    }

    private static void pass(List<CallEvent> found, List<CallEvent> events, Consumer<CallEvent> sink) {
        events.addAll(found);
        found.forEach(sink);
    }
}
