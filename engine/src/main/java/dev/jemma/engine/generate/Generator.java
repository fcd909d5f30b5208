package dev.jemma.engine.generate;

import dev.jemma.engine.api.EndTokens;
import dev.jemma.engine.api.FinishReason;
import dev.jemma.engine.api.GenerationEvent;
import dev.jemma.engine.api.GenerationOptions;
import dev.jemma.engine.api.GenerationResult;
import dev.jemma.engine.constraint.TokenConstraint;
import dev.jemma.engine.gemma.Inference;
import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.tensor.Tensor;
import dev.jemma.engine.tokenizer.Detokenizer;
import dev.jemma.engine.tokenizer.Specials;
import dev.jemma.engine.tokenizer.Tokenizer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.Consumer;

/**
 * Generates answers with one session's model state, and remembers which tokens that state holds: a prompt that begins
 * like what was read or generated before is only read from where it differs. What a sliding layer's ring no longer
 * holds is read again.
 *
 * <p>Borrows inference, kernels and tokenizer. For one thread at a time.
 */
public final class Generator {
    private final Inference inference;
    private final Kernels kernels;
    private final Optional<Tokenizer> tokenizer;
    private final int[] suppressed;
    private final float[] logits;
    /** The tokens that the inference holds: its first {@link Inference#position()} ones are true. */
    private int[] held = new int[256];

    /**
     * @param inference an empty session of one sequence
     * @param kernels the backend that computes it
     * @param tokenizer turns new ids into text; without one answers have ids only
     * @param vocabulary number of logits V
     * @param suppressed ids that are never generated
     */
    public Generator(
            Inference inference,
            Kernels kernels,
            Optional<Tokenizer> tokenizer,
            int vocabulary,
            List<Integer> suppressed) {
        this.inference = inference;
        this.kernels = kernels;
        this.tokenizer = tokenizer;
        this.suppressed = suppressed.stream()
                .mapToInt(Integer::intValue)
                .filter(id -> id < vocabulary)
                .toArray();
        this.logits = new float[vocabulary];
    }

    /**
     * Continues {@code prompt}.
     *
     * @param ends what ends the answer, unless the options ignore it
     * @param constraint follows this answer
     * @param sink takes events as they happen, on this thread; what it throws ends the generation and comes out of here
     * @throws IllegalArgumentException if the prompt is empty, longer than the context, or holds an id outside the
     *     vocabulary, or if there are stop texts and no tokenizer
     * @throws IllegalStateException if the logits leave nothing to choose from
     */
    public GenerationResult generate(
            int[] prompt,
            GenerationOptions options,
            EndTokens ends,
            TokenConstraint constraint,
            Consumer<GenerationEvent> sink) {
        int context = inference.options().contextLength();
        if (prompt.length == 0) {
            throw new IllegalArgumentException("the prompt has no tokens, wanted at least one (usually <bos>)");
        }
        if (prompt.length > context) {
            throw new IllegalArgumentException(
                    "the prompt has " + prompt.length + " tokens, the session's context holds " + context
                            + "; shorten it or open a session with a longer context");
        }
        if (tokenizer.isEmpty() && !options.stop().isEmpty()) {
            throw new IllegalArgumentException("stop texts need a tokenizer, and the model has none");
        }
        return new Run(prompt, options, ends, constraint, sink).run();
    }

    /** One generation. */
    private final class Run {
        private final int[] prompt;
        private final GenerationOptions options;
        private final EndTokens ends;
        private final Sampler sampler;
        private final Consumer<GenerationEvent> sink;
        private final AnswerText text;
        private final Optional<Detokenizer> detokenizer;
        private final List<Integer> ids = new ArrayList<>();
        private int reused;
        private long promptNanos;

        Run(
                int[] prompt,
                GenerationOptions options,
                EndTokens ends,
                TokenConstraint constraint,
                Consumer<GenerationEvent> sink) {
            this.prompt = prompt;
            this.options = options;
            this.ends = ends;
            this.sink = sink;
            this.sampler = new Sampler(options, logits.length, suppressed, constraint);
            this.text = new AnswerText(options.stop(), sink);
            this.detokenizer = tokenizer.map(t -> t.detokenizer(Specials.WITH));
        }

        GenerationResult run() {
            long start = System.nanoTime();
            FinishReason reason;
            long answerStart = start;
            try {
                Tensor row = readPrompt();
                answerStart = System.nanoTime();
                promptNanos = answerStart - start;
                sink.accept(new GenerationEvent.Prompted(prompt.length, reused, Duration.ofNanos(promptNanos)));
                reason = answer(row);
            } catch (CancellationException cancelled) {
                reason = FinishReason.CANCELLED;
            }
            if (text.add(detokenizer.map(Detokenizer::finish).orElse("")) && reason != FinishReason.CANCELLED) {
                reason = FinishReason.STOP;
            }
            text.finish();
            var result = new GenerationResult(
                    ids,
                    text.text(),
                    reason,
                    prompt.length,
                    reused,
                    Duration.ofNanos(promptNanos),
                    Duration.ofNanos(promptNanos == 0 ? 0 : System.nanoTime() - answerStart));
            sink.accept(new GenerationEvent.Finished(result));
            return result;
        }

        private Tensor readPrompt() {
            int limit = Math.min(inference.position(), prompt.length - 1); // the last token's logits are needed
            int same = Arrays.mismatch(held, 0, limit, prompt, 0, limit);
            reused = inference.rewind(same < 0 ? limit : same);
            hold(prompt, reused, prompt.length - reused);
            for (int id : prompt) {
                sampler.see(id);
            }
            return inference.forward(prompt, reused, prompt.length - reused);
        }

        private FinishReason answer(Tensor first) {
            Tensor row = first;
            int[] next = new int[1];
            while (ids.size() < options.maxNewTokens()) {
                kernels.read(row, logits);
                int id = sampler.choose(logits);
                Optional<FinishReason> end = options.ignoreEos() ? Optional.empty() : ends.reason(id);
                if (end.isPresent()) {
                    return end.get();
                }
                ids.add(id);
                sampler.see(id);
                if (emit(id)) {
                    return FinishReason.STOP;
                }
                if (ids.size() == options.maxNewTokens()) {
                    break;
                }
                if (inference.position() == inference.options().contextLength()) {
                    return FinishReason.CONTEXT;
                }
                next[0] = id;
                hold(next, 0, 1);
                row = inference.forward(next, 0, 1);
            }
            return FinishReason.LENGTH;
        }

        /** Lets the token's text out; true if it completes a stop text. */
        private boolean emit(int id) {
            if (tokenizer.isEmpty() || detokenizer.isEmpty()) {
                return false;
            }
            if (tokenizer.get().isControl(id)) {
                String token = tokenizer.get().token(id).orElseThrow();
                return text.add(detokenizer.get().settle()) || text.addControl(id, token);
            }
            return text.add(detokenizer.get().add(id));
        }
    }

    /** Notes the tokens that are about to be appended; they count once the inference's position has passed them. */
    private void hold(int[] ids, int from, int count) {
        int position = inference.position();
        if (position + count > held.length) {
            held = Arrays.copyOf(held, Math.max(position + count, 2 * held.length));
        }
        System.arraycopy(ids, from, held, position, count);
    }
}
