package dev.jemma.engine;

import dev.jemma.engine.api.FinishReason;
import dev.jemma.engine.api.GenerationOptions;
import dev.jemma.engine.api.GenerationResult;
import dev.jemma.engine.chat.Prompt;
import dev.jemma.engine.eval.EvalEvent;
import dev.jemma.engine.eval.EvalResult;
import dev.jemma.engine.eval.EvalRow;
import dev.jemma.engine.eval.Judge;
import dev.jemma.engine.eval.Verdict;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Function-calling accuracy of an open {@link Gemma}, by the Berkeley leaderboard's AST rules: every row's conversation
 * is answered greedily, and the calls in the answer are compared with those that are right. What it shall do is set
 * first, each setting answering this object, then it is started.
 *
 * <pre>{@code
 * double accuracy = gemma.evaluate(Path.of("test.jsonl")).adapter(adapter).start().report().all().rate();
 * }</pre>
 *
 * <p>Set up and started by one thread, cancelled from any; closing the Gemma cancels it and waits.
 */
public final class Evaluation {
    private final Gemma gemma;
    private final List<EvalRow> rows;
    private final List<Path> adapters = new ArrayList<>();
    private final Job job;
    private int maxNewTokens = GenerationOptions.GREEDY.maxNewTokens();
    private volatile Optional<Session> running = Optional.empty();

    Evaluation(Gemma gemma, List<EvalRow> rows) {
        this.gemma = gemma;
        this.rows = List.copyOf(rows);
        this.job = new Job(gemma, "evaluation");
        for (EvalRow row : rows) {
            if (row.conversation().messages().isEmpty()) {
                throw new IllegalArgumentException("row '" + row.id() + "' has no messages to answer");
            }
        }
    }

    /** One more adapter; several add up. */
    public Evaluation adapter(Path folder) {
        adapters.add(folder);
        return this;
    }

    /** Most tokens of an answer. */
    public Evaluation maxNewTokens(int tokens) {
        maxNewTokens = GenerationOptions.GREEDY.withMaxNewTokens(tokens).maxNewTokens();
        return this;
    }

    /** The same without a listener. */
    public EvalResult start() {
        return start(event -> {});
    }

    /**
     * Answers and judges every row, or those before it is cancelled.
     *
     * @param listener is told what happens, on this thread
     * @throws dev.jemma.engine.api.FormatException if an adapter does not fit the model, or the model has no tokenizer
     * @throws dev.jemma.engine.api.TemplateException if the template refuses a conversation, folded too
     * @throws IllegalStateException if this is running, or the Gemma is closed
     */
    public EvalResult start(Consumer<EvalEvent> listener) {
        try (Session session = gemma.session(new SessionOptions(0, adapters))) {
            return job.run(() -> {
                running = Optional.of(session);
                try {
                    return answer(session, listener);
                } finally {
                    running = Optional.empty();
                }
            });
        }
    }

    private EvalResult answer(Session session, Consumer<EvalEvent> listener) {
        session.warnings().forEach(warning -> listener.accept(new EvalEvent.Warned(warning)));
        GenerationOptions greedy = GenerationOptions.GREEDY.withMaxNewTokens(maxNewTokens);
        Judge judge = new Judge(session.chatFormat().tools().format());
        List<Verdict> verdicts = new ArrayList<>();
        boolean folded = false;
        long tokens = 0;
        long start = System.nanoTime();
        for (EvalRow row : rows) {
            if (job.cancelled()) {
                break;
            }
            Completion completion = session.generate(row.conversation(), greedy, event -> {});
            GenerationResult answer = completion.result();
            if (!folded && completion.prompt().folding() == Prompt.Folding.FOLDED) {
                listener.accept(new EvalEvent.Folded());
                folded = true;
            }
            if (answer.finishReason() == FinishReason.CANCELLED) {
                break;
            }
            tokens += answer.ids().size();
            Verdict verdict = judge.judge(row, answer.text());
            verdicts.add(verdict);
            listener.accept(new EvalEvent.Judged(verdicts.size(), rows.size(), verdict));
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        return new EvalResult(verdicts, tokens / seconds, verdicts.size() == rows.size());
    }

    /** Ends it soon, with the rows that are judged by then. From any thread. */
    public void cancel() {
        job.cancel();
        running.ifPresent(Session::cancel);
    }
}
