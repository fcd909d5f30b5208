package dev.jemma.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.jline.terminal.Terminal;
import org.jline.terminal.impl.LineDisciplineTerminal;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Lines that a person types, on a terminal made of bytes. */
final class ChatInputTest {
    private static final String UP = "\u001b[A";
    private static final String CTRL_D = "\u0004";

    @TempDir
    private Path folder;

    private static Terminal terminal(String typed) throws IOException {
        var terminal = new LineDisciplineTerminal("bytes", "ansi", new ByteArrayOutputStream(), StandardCharsets.UTF_8);
        terminal.processInputBytes(typed.getBytes(StandardCharsets.UTF_8));
        return terminal;
    }

    private List<String> read(String typed) throws IOException {
        List<String> lines = new ArrayList<>();
        try (ChatInput input = ChatInput.Typed.on(terminal(typed), folder.resolve("history"))) {
            for (Optional<String> line = input.read("> "); line.isPresent(); line = input.read("> ")) {
                lines.add(line.get());
            }
        }
        return lines;
    }

    @Test
    void aBackslashAtTheEndOfALineTakesAnotherOne() throws IOException {
        assertThat(read("two \\\rlines\rone 'quote and \"another\r!! $x é 👋\r" + CTRL_D))
                .containsExactly("two \nlines", "one 'quote and \"another", "!! $x é 👋");
    }

    @Test
    void earlierLinesComeBackAlsoInTheNextRun() throws IOException {
        assertThat(read("first\r" + UP + "\r" + CTRL_D)).containsExactly("first", "first");
        assertThat(read(UP + " again\r" + CTRL_D)).containsExactly("first again");
    }

    @Test
    void anInterruptStopsWhatIsGeneratedAndNotTheProgram() throws IOException {
        Terminal terminal = terminal("still here\r" + CTRL_D);
        AtomicInteger interrupts = new AtomicInteger();
        try (ChatInput input = ChatInput.Typed.on(terminal, folder.resolve("history"))) {
            input.onInterrupt(interrupts::incrementAndGet);
            terminal.raise(Terminal.Signal.INT);
            assertThat(interrupts).hasValue(1);
            assertThat(input.read("> ")).contains("still here");
            assertThat(input.read("> ")).isEmpty();
            terminal.raise(Terminal.Signal.INT);
            assertThat(interrupts)
                    .as("the handler is there again after a line was read")
                    .hasValue(2);
        }
    }
}
