package dev.jemma.engine;

import dev.jemma.engine.api.EndTokens;
import dev.jemma.engine.api.FinishReason;
import dev.jemma.engine.api.GenerationEvent;
import dev.jemma.engine.api.GenerationOptions;
import dev.jemma.engine.api.GenerationResult;
import dev.jemma.engine.chat.Prompt;
import dev.jemma.engine.tokenizer.GemmaTokens;
import dev.jemma.engine.tokenizer.Tokenizer;
import dev.jemma.engine.toolcall.CallEvent;
import dev.jemma.engine.toolcall.CallReader;
import dev.jemma.engine.toolcall.ParsedReply;
import dev.jemma.engine.toolcall.Recognition;
import dev.jemma.engine.toolcall.ToolCallFormat;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Consumer;

/**
 * One turn of a model in a conversation: knows what ends it, and reads the calls in it while it is generated. Where the
 * vocabulary has the format's opening marker as a control token, only that token opens a call, so that prose that
 * spells it stays prose.
 */
final class Turn implements Consumer<GenerationEvent> {
    private final ToolCallFormat format;
    private final Tokenizer tokenizer;
    private final Consumer<GenerationEvent> sink;
    private final Consumer<CallEvent> calls;
    private final CallReader reader;
    private final List<CallEvent> read = new ArrayList<>();

    Turn(ToolCallFormat format, Tokenizer tokenizer, Consumer<GenerationEvent> sink, Consumer<CallEvent> calls) {
        this.format = format;
        this.tokenizer = tokenizer;
        this.sink = sink;
        this.calls = calls;
        this.reader = format.reader(control(format.opening()).isPresent() ? Recognition.TOKENS : Recognition.TEXT);
    }

    private OptionalInt control(String token) {
        OptionalInt id = tokenizer.id(token);
        return id.isPresent() && tokenizer.isControl(id.getAsInt()) ? id : OptionalInt.empty();
    }

    /** The model's end tokens, the end of a turn, and the format's stops, as far as the vocabulary has them. */
    EndTokens ends(List<Integer> ofModel) {
        Set<Integer> ends = new HashSet<>(ofModel);
        control(GemmaTokens.END_OF_TURN).ifPresent(ends::add);
        Set<Integer> awaitResult = new HashSet<>();
        format.stops().forEach(stop -> control(stop).ifPresent(awaitResult::add));
        return new EndTokens(ends, awaitResult);
    }

    /** The options, stopping also at those of the format's stops that are no tokens. */
    GenerationOptions stopping(GenerationOptions options) {
        List<String> stops = new ArrayList<>(options.stop());
        format.stops().stream().filter(stop -> control(stop).isEmpty()).forEach(stops::add);
        return options.withStop(stops);
    }

    @Override
    public void accept(GenerationEvent event) {
        switch (event) {
            case GenerationEvent.Text(String text) -> report(reader.feed(text));
            case GenerationEvent.Control(int id, String token) -> report(reader.control(token));
            case GenerationEvent.Prompted prompted -> {}
            case GenerationEvent.Finished(GenerationResult result) -> {
                report(reader.finish());
                sink.accept(new GenerationEvent.Finished(withReason(result)));
                return;
            }
        }
        sink.accept(event);
    }

    private void report(List<CallEvent> events) {
        read.addAll(events);
        events.forEach(calls);
    }

    /** An answer that ended by itself and calls tools ended for these calls. */
    private GenerationResult withReason(GenerationResult result) {
        boolean called = read.stream().anyMatch(CallEvent.Completed.class::isInstance);
        return called && result.finishReason() == FinishReason.STOP ? result.with(FinishReason.TOOL_CALL) : result;
    }

    /** The turn, once it is generated. */
    Completion completion(Prompt prompt, GenerationResult result) {
        return new Completion(prompt, withReason(result), new ParsedReply(read));
    }
}
