package dev.jemma.cli;

import dev.jemma.engine.Completion;
import dev.jemma.engine.Gemma;
import dev.jemma.engine.Session;
import dev.jemma.engine.SessionOptions;
import dev.jemma.engine.api.FinishReason;
import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.GenerationOptions;
import dev.jemma.engine.api.GenerationResult;
import dev.jemma.engine.chat.Prompt;
import dev.jemma.engine.eval.EvalRow;
import dev.jemma.engine.eval.Judge;
import dev.jemma.engine.eval.Verdict;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A model's greedy answers to the rows of a file, judged.
 *
 * @param verdicts in the order of the rows; fewer than rows if it was cancelled
 * @param tokensPerSecond new tokens a second of all answers together, prompts included in the time
 * @param cancelled whether the user stopped it
 */
record Evaluation(List<Verdict> verdicts, double tokensPerSecond, boolean cancelled) {
    /**
     * Answers every row's conversation up to its last assistant turn.
     *
     * @param data the file that {@code rows} were read from
     */
    static Evaluation of(
            Gemma gemma, List<Path> adapters, Path data, List<EvalRow> rows, int maxNewTokens, Countdown countdown) {
        for (EvalRow row : rows) {
            if (row.conversation().messages().isEmpty()) {
                throw FormatException.in(data, "row '" + row.id() + "' has no messages to answer");
            }
        }
        GenerationOptions greedy = GenerationOptions.GREEDY.withMaxNewTokens(maxNewTokens);
        List<Verdict> verdicts = new ArrayList<>();
        long tokens = 0;
        long start = System.nanoTime();
        try (Session session = gemma.session(new SessionOptions(0, adapters));
                Interrupts interrupts = Interrupts.call(session::cancel)) {
            session.warnings().forEach(warning -> countdown.say("warning: " + warning));
            boolean said = false;
            Judge judge = new Judge(session.chatFormat().tools().format());
            for (EvalRow row : rows) {
                Completion completion = session.generate(row.conversation(), greedy, event -> {});
                GenerationResult answer = completion.result();
                if (!said && completion.prompt().folding() == Prompt.Folding.FOLDED) {
                    countdown.say(Texts.FOLDED);
                    said = true;
                }
                if (answer.finishReason() == FinishReason.CANCELLED) {
                    return new Evaluation(verdicts, tokens / ((System.nanoTime() - start) / 1e9), true);
                }
                tokens += answer.ids().size();
                verdicts.add(judge.judge(row, answer.text()));
                countdown.next();
            }
        }
        return new Evaluation(verdicts, tokens / ((System.nanoTime() - start) / 1e9), false);
    }
}
