package dev.jemma.engine.train;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.RowOptions.Supervise;
import dev.jemma.engine.api.TemplateException;
import dev.jemma.engine.api.TextSpan;
import dev.jemma.engine.api.TrainingExample;
import dev.jemma.engine.chat.ChatFormat;
import dev.jemma.engine.chat.Conversation;
import dev.jemma.engine.chat.Prompt;
import dev.jemma.engine.io.JsonLines;
import dev.jemma.engine.io.JsonSource;
import dev.jemma.engine.template.RenderOptions.GenerationPrompt;
import dev.jemma.engine.tokenizer.Encoding;
import dev.jemma.engine.tokenizer.Specials;
import dev.jemma.engine.tokenizer.Tokenizer;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/**
 * Turns rows into token ids and labels, as Hugging Face's SFTTrainer would.
 *
 * <p>A conversation is what its template renders, bos included; text, prompt and completion get one bos and, to learn
 * from, one eos, unless they bring their own. Safe for threads.
 */
public final class RowEncoder {
    /** Whether a text's end is learned. */
    public enum End {
        /** One eos behind the text, unless it has one. */
        EOS,
        /** The text as it is. */
        OPEN
    }

    private final Supplier<Tokenizer> tokenizer;
    private final Supplier<ChatFormat> chatFormat;
    private final int eos;
    private final int vocabulary;
    private final Supervise supervise;
    private final End end;
    private final int threads;
    private final AtomicLong folded = new AtomicLong();

    /**
     * @param tokenizer asked for when a row is text, so that rows of ids need none; gives the same one always
     * @param chatFormat how conversations are rendered; asked for once, when a row is the first that is one
     * @param eos id of the token that ends a text
     * @param vocabulary ids that the model has embeddings for
     * @param supervise what of a conversation is learned
     * @param end whether a text's end is
     * @param threads how many rows of a file are encoded at a time
     */
    public RowEncoder(
            Supplier<Tokenizer> tokenizer,
            Supplier<ChatFormat> chatFormat,
            int eos,
            int vocabulary,
            Supervise supervise,
            End end,
            int threads) {
        this.tokenizer = tokenizer;
        this.chatFormat = new Once<>(chatFormat);
        this.eos = eos;
        this.vocabulary = vocabulary;
        this.supervise = supervise;
        this.end = end;
        this.threads = threads;
    }

    /** How conversations are rendered. */
    public ChatFormat chatFormat() {
        return chatFormat.get();
    }

    /** Conversations so far that the template only took after folding. */
    public long folded() {
        return folded.get();
    }

    /** Takes the rows of a file one after the other, encoded. */
    @FunctionalInterface
    public interface ExampleConsumer {
        /**
         * @param example ids and labels, however many
         * @param line the row's line in the file, counted from 1
         */
        void accept(TrainingExample example, long line);
    }

    /**
     * Reads and encodes the rows of {@code file}, several at a time; the consumer gets them in the file's order, on the
     * calling thread.
     *
     * @throws FormatException at the first row that is none, that cannot be rendered or that holds an id that the model
     *     does not have; names its line
     * @throws UncheckedIOException if the file cannot be read
     */
    public void encode(Path file, ExampleConsumer consumer) {
        try (InOrder<Encoded> rows =
                new InOrder<>(threads, "jemma-rows", encoded -> consumer.accept(encoded.example, encoded.line))) {
            try {
                JsonLines.lines(file, line -> rows.add(() -> encode(line)));
            } catch (FormatException | UncheckedIOException unreadable) {
                rows.finish(); // what is wrong with an earlier row is said first
                throw unreadable;
            }
            rows.finish();
        }
    }

    private record Encoded(TrainingExample example, long line) {}

    private Encoded encode(JsonSource line) {
        TrainingRow row = RowReader.row(line);
        try {
            return new Encoded(encode(row), line.line());
        } catch (TemplateException | IllegalArgumentException e) {
            String what = row instanceof TrainingRow.Chat ? "the conversation cannot be rendered: " : "";
            throw line.complaint(what + e.getMessage());
        }
    }

    /**
     * Ids and labels of a row, however long.
     *
     * @throws TemplateException if the template refuses it, folded too
     * @throws IllegalArgumentException if a call's arguments are no JSON object, or an id is outside the vocabulary
     */
    public TrainingExample encode(TrainingRow row) {
        TrainingExample example = idsAndLabels(row);
        for (int i = 0; i < example.ids().length; i++) {
            check("input_ids", i, example.ids()[i]);
            if (example.labels()[i] != TrainingExample.IGNORED) {
                check("labels", i, example.labels()[i]);
            }
        }
        return example;
    }

    private void check(String what, int i, int id) {
        if (id < 0 || id >= vocabulary) {
            throw new IllegalArgumentException(
                    what + "[" + i + "] is " + id + ", the model's vocabulary wants 0 to " + (vocabulary - 1));
        }
    }

    private TrainingExample idsAndLabels(TrainingRow row) {
        return switch (row) {
            case TrainingRow.Tokens tokens -> tokens.example();
            case TrainingRow.PlainText(String text) -> ended(tokenizer.get().encode(text, Specials.WITHOUT), 0);
            case TrainingRow.PromptCompletion(String prompt, String completion) -> {
                Encoding encoding = tokenizer
                        .get()
                        .encodeSpans(List.of(
                                new TextSpan(prompt, TextSpan.Source.TRUSTED, false),
                                new TextSpan(completion, TextSpan.Source.TRUSTED, true)));
                int first = 0;
                while (first < encoding.ids().length && !encoding.generated()[first]) {
                    first++;
                }
                yield ended(encoding.ids(), first);
            }
            case TrainingRow.Chat(Conversation conversation) -> encoded(conversation);
        };
    }

    private Prompt prompt(Conversation conversation) {
        Prompt prompt = switch (supervise) {
            case ASSISTANT -> chatFormat.get().supervise(conversation);
            case EVERYTHING -> chatFormat.get().render(conversation, GenerationPrompt.OMIT);
        };
        if (prompt.folding() == Prompt.Folding.FOLDED) {
            folded.incrementAndGet();
        }
        return prompt;
    }

    private TrainingExample encoded(Conversation conversation) {
        Encoding encoding = tokenizer.get().encodeSpans(prompt(conversation).spans());
        int[] ids = encoding.ids();
        int[] labels = ids.clone();
        if (supervise == Supervise.ASSISTANT) {
            for (int i = 0; i < labels.length; i++) {
                labels[i] = encoding.generated()[i] ? ids[i] : TrainingExample.IGNORED;
            }
        }
        return new TrainingExample(ids, labels);
    }

    /** A bos before and an eos behind, where they are missing; labels from token {@code first} on. */
    private TrainingExample ended(int[] text, int first) {
        int[] prefix = tokenizer.get().prefix();
        boolean begun = text.length >= prefix.length && Arrays.equals(prefix, 0, prefix.length, text, 0, prefix.length);
        int before = begun ? 0 : prefix.length;
        boolean open = end == End.EOS && (text.length == 0 || text[text.length - 1] != eos);
        int[] ids = new int[before + text.length + (open ? 1 : 0)];
        System.arraycopy(prefix, 0, ids, 0, before);
        System.arraycopy(text, 0, ids, before, text.length);
        if (open) {
            ids[ids.length - 1] = eos;
        }
        int[] labels = ids.clone();
        Arrays.fill(labels, 0, first == 0 ? 0 : before + first, TrainingExample.IGNORED);
        return new TrainingExample(ids, labels);
    }
}
