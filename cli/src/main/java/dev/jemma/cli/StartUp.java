package dev.jemma.cli;

import dev.jemma.engine.api.GenerationEvent;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Locale;
import java.util.Optional;

/** How long it took from the start of the launcher, or else of this process, to the first token of an answer. */
final class StartUp {
    private Optional<Duration> toFirstToken = Optional.empty();

    /** Notes when the first token comes. */
    void see(GenerationEvent event) {
        boolean token = event instanceof GenerationEvent.Text || event instanceof GenerationEvent.Control;
        if (token && toFirstToken.isEmpty()) {
            Instant now = Instant.now();
            toFirstToken = started().map(start -> Duration.between(start, now));
        }
    }

    /** For people, behind other figures; empty if no token came. */
    String summary() {
        return toFirstToken
                .map(time -> String.format(Locale.ROOT, ", first token %.2f s after the start", time.toMillis() / 1e3))
                .orElse("");
    }

    /**
     * The launcher says when it started in {@code jemma.started}, in microseconds; the system knows when the process
     * did, to a hundredth of a second.
     */
    private static Optional<Instant> started() {
        long micros = Long.getLong("jemma.started", 0);
        return micros > 0
                ? Optional.of(Instant.EPOCH.plus(micros, ChronoUnit.MICROS))
                : ProcessHandle.current().info().startInstant();
    }
}
