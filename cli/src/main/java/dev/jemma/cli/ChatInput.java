package dev.jemma.cli;

import dev.jemma.engine.io.CacheFolder;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.UserInterruptException;
import org.jline.reader.impl.DefaultParser;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;

/** Where a chat's lines come from: a person at a terminal, or a pipe. */
sealed interface ChatInput extends AutoCloseable {
    /**
     * The next message; empty at the end.
     *
     * @param prompt shown to a person
     */
    Optional<String> read(String prompt);

    /** From now on {@code action} runs when a person types Ctrl-C while something is generated. */
    void onInterrupt(Runnable action);

    @Override
    void close();

    /** A terminal if there is one, else stdin as it is. */
    static ChatInput open(Terminals terminals) {
        return terminals.stdin() && terminals.stdout()
                ? Typed.open()
                : new Piped(new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)));
    }

    /** Lines of a pipe: one message each. */
    record Piped(BufferedReader reader) implements ChatInput {
        @Override
        public Optional<String> read(String prompt) {
            try {
                return Optional.ofNullable(reader.readLine());
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public void onInterrupt(Runnable action) {
            // Nobody types into a pipe; Ctrl-C ends the program as it ends any other.
        }

        @Override
        public void close() {}
    }

    /** A person: editing, history, and a backslash at the end of a line for one more. */
    record Typed(Terminal terminal, LineReader reader) implements ChatInput {
        static Typed open() {
            try {
                return on(
                        TerminalBuilder.builder().system(true).build(),
                        CacheFolder.path().resolve("chat_history"));
            } catch (IOException e) {
                throw new UncheckedIOException("the terminal cannot be opened: " + e.getMessage(), e);
            }
        }

        /** A person at {@code terminal}, whose earlier lines are in the file {@code history}. */
        static Typed on(Terminal terminal, Path history) {
            DefaultParser parser = new DefaultParser().eofOnEscapedNewLine(true);
            parser.setEscapeChars(new char[] {'\\'});
            parser.setQuoteChars(new char[0]);
            LineReader reader = LineReaderBuilder.builder()
                    .terminal(terminal)
                    .parser(parser)
                    .variable(LineReader.HISTORY_FILE, history)
                    .variable(LineReader.SECONDARY_PROMPT_PATTERN, "… ")
                    .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true)
                    .build();
            return new Typed(terminal, reader);
        }

        @Override
        public Optional<String> read(String prompt) {
            while (true) {
                try {
                    return Optional.of(reader.readLine(prompt).replace("\\\n", "\n"));
                } catch (UserInterruptException e) {
                    if (e.getPartialLine().isEmpty()) {
                        terminal.writer().println("(/exit or Ctrl-D leaves)");
                    }
                } catch (EndOfFileException e) {
                    return Optional.empty();
                }
            }
        }

        @Override
        public void onInterrupt(Runnable action) {
            terminal.handle(Terminal.Signal.INT, signal -> action.run());
        }

        @Override
        public void close() {
            try {
                terminal.close();
            } catch (IOException e) {
                throw new UncheckedIOException("the terminal cannot be closed: " + e.getMessage(), e);
            }
        }
    }
}
