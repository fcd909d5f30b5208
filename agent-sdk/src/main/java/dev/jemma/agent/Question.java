package dev.jemma.agent;

import dev.jemma.agent.AgentException.Reason;
import dev.jemma.agent.LanguageModel.Finish;
import dev.jemma.agent.LanguageModel.Reply;
import dev.jemma.agent.LanguageModel.Request;
import dev.jemma.agent.LanguageModel.Usage;
import dev.jemma.engine.chat.Message;
import dev.jemma.engine.toolcall.CallEvent;
import dev.jemma.engine.toolcall.ParsedReply;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.Supplier;

/** One question: model and tools in turns until there is an answer. */
final class Question {
    private final AgentSettings settings;
    private final Cancellation cancellation;
    private final Transcript transcript;
    private final Supplier<String> ids;
    private final ToolRun run;
    private final long deadline;
    private int modelCalls;
    private Usage usage = Usage.NONE;

    Question(AgentSettings settings, List<Message> before, Supplier<String> ids, Cancellation cancellation) {
        this.settings = settings;
        this.cancellation = cancellation;
        this.transcript = new Transcript(before);
        this.ids = ids;
        this.run = new ToolRun(settings, cancellation);
        this.deadline = System.nanoTime() + settings.limits().time().toNanos();
    }

    /** What was said, the question first. */
    List<Message> messages() {
        return transcript.since();
    }

    Transcript transcript() {
        return transcript;
    }

    /** Says {@code text} to the model and goes on until it answers. */
    Answer ask(String text) {
        transcript.add(new Message.User(text));
        while (true) {
            Optional<String> limit = limit();
            if (limit.isPresent()) {
                return lastAnswer(limit.get());
            }
            Reply reply = generate(settings.offered());
            if (!reply.finish().isWhole()) {
                return answer(reply, reply.finish() == Finish.REFUSED ? Answer.Status.REFUSED : Answer.Status.CUT_OFF);
            }
            List<CallEvent.Completed> calls = reply.content().completed();
            List<CallEvent.Malformed> malformed = reply.content().malformed();
            if (calls.isEmpty() && malformed.isEmpty()) {
                return answer(reply, Answer.Status.COMPLETE);
            }
            List<Message.IssuedCall> issued = new ArrayList<>();
            calls.forEach(call -> issued.add(new Message.IssuedCall(ids.get(), call.call())));
            transcript.add(new Message.Assistant(said(reply.content()), issued));
            transcript.addAll(run.answer(calls, issued, transcript));
            if (!malformed.isEmpty()) {
                List<String> notices = new ArrayList<>();
                malformed.forEach(each -> notices.add(run.answer(each, transcript)));
                transcript.add(new Message.User(String.join("\n", notices)));
            }
        }
    }

    private Optional<String> limit() {
        if (run.limit().isPresent()) {
            return run.limit();
        }
        if (modelCalls >= settings.limits().modelCalls()) {
            return Optional.of(settings.limits().modelCalls() + " model turns");
        }
        return System.nanoTime() - deadline >= 0
                ? Optional.of(settings.limits().time().toMillis() / 1000.0 + " s")
                : Optional.empty();
    }

    private Answer lastAnswer(String limit) {
        settings.listener().accept(new AgentEvent.LimitReached(limit));
        if (settings.policies().limit() == Policies.OnLimit.THROW) {
            throw transcript.exception(Reason.LIMIT, "the limit of " + limit + " is reached");
        }
        return answer(generate(List.of()), Answer.Status.LIMIT);
    }

    /** Ends with the text of a turn; whatever it calls is not run. */
    private Answer answer(Reply reply, Answer.Status status) {
        String text = reply.content().text().strip();
        transcript.add(new Message.Assistant(text, List.of()));
        return new Answer(text, status, run.runs(), usage);
    }

    private Reply generate(List<OfferedTool> tools) {
        cancellation.check();
        modelCalls++;
        Reply reply = settings.model().generate(new Request(transcript.all(), tools, cancellation), this::forward);
        usage = usage.plus(reply.usage());
        if (reply.finish() == Finish.CANCELLED) {
            throw new CancellationException("the question was cancelled");
        }
        cancellation.check();
        settings.listener().accept(new AgentEvent.ModelAnswered(reply.finish(), reply.usage()));
        return reply;
    }

    private void forward(CallEvent event) {
        switch (event) {
            case CallEvent.Text text -> settings.listener().accept(new AgentEvent.Text(text.text()));
            case CallEvent.Started started -> settings.listener().accept(new AgentEvent.CallBegun());
            // told about when they are run or refused
            case CallEvent.Completed completed -> {}
            case CallEvent.Malformed malformed -> {}
        }
    }

    /** The text of a turn, with what should have been calls as it was written: the model is to see its mistake. */
    private static String said(ParsedReply content) {
        StringBuilder text = new StringBuilder();
        for (CallEvent event : content.events()) {
            switch (event) {
                case CallEvent.Text piece -> text.append(piece.text());
                case CallEvent.Malformed malformed -> text.append(malformed.raw());
                case CallEvent.Started started -> {}
                case CallEvent.Completed completed -> {}
            }
        }
        return text.toString().strip();
    }
}
