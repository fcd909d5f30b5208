package dev.jemma.engine.generate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.engine.api.GenerationEvent;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Stop texts over all borders. */
final class AnswerTextTest {
    private final List<GenerationEvent> events = new ArrayList<>();

    private String streamed() {
        var text = new StringBuilder();
        for (GenerationEvent event : events) {
            switch (event) {
                case GenerationEvent.Text(String piece) -> text.append(piece);
                case GenerationEvent.Control(int id, String token) -> text.append(token);
                default -> throw new AssertionError(event);
            }
        }
        return text.toString();
    }

    @Test
    void holdsBackOnlyWhatMayBecomeAStopText() {
        var text = new AnswerText(List.of("</answer>", "\n\n"), events::add);
        assertThat(text.add("Paris")).isFalse();
        assertThat(streamed()).isEqualTo("Paris");
        text.add("</ans");
        assertThat(streamed()).isEqualTo("Paris");
        text.add("wers>");
        assertThat(streamed()).isEqualTo("Paris</answers>");
        text.add("\n");
        assertThat(streamed()).isEqualTo("Paris</answers>");
        assertThat(text.add("\nmore")).isTrue();
        text.finish();
        assertThat(streamed()).isEqualTo("Paris</answers>");
        assertThat(text.text()).isEqualTo("Paris</answers>");
    }

    @Test
    void letsOutWhatWasHeldBackAtTheEnd() {
        var text = new AnswerText(List.of("STOP"), events::add);
        assertThat(text.add("xSTO")).isFalse();
        text.finish();
        assertThat(streamed()).isEqualTo("xSTO");
    }

    @Test
    void theTextIsTheSameHoweverItIsCut() {
        var random = new Random(6);
        String alphabet = "abc";
        for (int round = 0; round < 2000; round++) {
            List<String> stops = List.of(
                    word(random, alphabet, 1 + random.nextInt(4)), word(random, alphabet, 1 + random.nextInt(4)));
            String answer = word(random, alphabet, random.nextInt(30));
            events.clear();
            var whole = new AnswerText(stops, events::add);
            boolean stopped = whole.add(answer);
            whole.finish();
            String expected = streamed();
            assertThat(stopped).isEqualTo(stops.stream().anyMatch(answer::contains));
            assertThat(stops.stream().noneMatch(expected::contains)).isTrue();

            events.clear();
            var cut = new AnswerText(stops, events::add);
            boolean ended = false;
            for (int at = 0; at < answer.length() && !ended; ) {
                int end = Math.min(answer.length(), at + 1 + random.nextInt(4));
                String piece = answer.substring(at, end);
                ended = random.nextInt(3) == 0 ? cut.addControl(at, piece) : cut.add(piece);
                at = end;
            }
            cut.finish();
            assertThat(ended).isEqualTo(stopped);
            assertThat(streamed()).as("%s until %s", answer, stops).isEqualTo(expected);
            assertThat(cut.text()).isEqualTo(expected);
        }
    }

    private static String word(Random random, String alphabet, int length) {
        var word = new StringBuilder();
        for (int i = 0; i < length; i++) {
            word.append(alphabet.charAt(random.nextInt(alphabet.length())));
        }
        return word.toString();
    }

    @Test
    void controlTokensArriveWhole() {
        var text = new AnswerText(List.of("<t>x"), events::add);
        text.add("a");
        text.addControl(7, "<t>");
        assertThat(events).as("held back: x may follow").containsExactly(new GenerationEvent.Text("a"));
        text.add("y");
        assertThat(events)
                .containsExactly(
                        new GenerationEvent.Text("a"),
                        new GenerationEvent.Control(7, "<t>"),
                        new GenerationEvent.Text("y"));
        text.addControl(7, "<t>");
        assertThat(text.add("x")).isTrue();
        text.finish();
        assertThat(streamed()).isEqualTo("a<t>y");
    }
}
