package dev.jemma.cli;

import dev.jemma.engine.api.TrainingEvent;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Locale;
import java.util.function.Consumer;
import me.tongfei.progressbar.DelegatingProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/**
 * Shows a training run: a bar with loss, rate and remaining time on a terminal, else a line now and then. Used by one
 * thread.
 */
final class TrainingProgress implements Consumer<TrainingEvent>, AutoCloseable {
    private static final long LINE_EVERY_NANOS = Duration.ofSeconds(10).toNanos();

    private final PrintWriter err;
    private final Terminals terminal;
    private ProgressLine line = ProgressLine.NONE;
    private long lastLine;
    private double smoothedLoss = Double.NaN;

    TrainingProgress(PrintWriter err, Terminals terminal) {
        this.err = err;
        this.terminal = terminal;
    }

    /** Where the bar is drawn, or that there is none. */
    private sealed interface ProgressLine extends AutoCloseable {
        ProgressLine NONE = new Plain();

        /** Lines only. */
        record Plain() implements ProgressLine {
            @Override
            public void close() {}
        }

        /** A bar on a terminal. */
        record Bar(ProgressBar bar) implements ProgressLine {
            @Override
            public void close() {
                bar.close();
            }
        }

        @Override
        void close();
    }

    @Override
    public void accept(TrainingEvent event) {
        switch (event) {
            case TrainingEvent.RowsRead _ -> {} // who starts a run knows better what to say of its rows
            case TrainingEvent.Warned warned -> message("warning: " + warned.message());
            case TrainingEvent.Started started -> start(started);
            case TrainingEvent.Stepped stepped -> step(stepped);
            case TrainingEvent.Evaluated evaluated ->
                message(String.format(
                        Locale.ROOT,
                        "step %d: evaluation loss %.4f over %,d tokens",
                        evaluated.step(),
                        evaluated.loss(),
                        evaluated.tokens()));
            case TrainingEvent.Saved saved -> message("step " + saved.step() + ": saved " + saved.folder());
            case TrainingEvent.Ended ended -> close();
        }
    }

    private void start(TrainingEvent.Started started) {
        if (started.firstStep() > 1) {
            message("going on after step " + (started.firstStep() - 1));
        }
        message(String.format(
                Locale.ROOT,
                "training %,d parameters for %,d steps",
                started.parameters(),
                started.totalSteps() - started.firstStep() + 1));
        if (terminal.stderr()) {
            ProgressBar bar = new ProgressBarBuilder()
                    .setTaskName("train")
                    .setInitialMax(started.totalSteps())
                    .startsFrom(started.firstStep() - 1, Duration.ZERO)
                    .setStyle(ProgressBarStyle.ASCII)
                    .setUpdateIntervalMillis(200)
                    .setConsumer(new DelegatingProgressBarConsumer(
                            text -> {
                                err.print('\r' + text);
                                err.flush();
                            },
                            terminal.width() - 1))
                    .build();
            line = new ProgressLine.Bar(bar);
        }
    }

    private void step(TrainingEvent.Stepped event) {
        smoothedLoss = Double.isNaN(smoothedLoss) ? event.loss() : 0.9 * smoothedLoss + 0.1 * event.loss();
        switch (line) {
            case ProgressLine.Bar(ProgressBar bar) -> {
                bar.stepTo(event.step());
                bar.setExtraMessage(
                        String.format(Locale.ROOT, " loss %.4f, %.0f tok/s", smoothedLoss, event.tokensPerSecond()));
            }
            case ProgressLine.Plain() -> {
                long now = System.nanoTime();
                if (event.step() == 1 || event.step() == event.totalSteps() || now - lastLine > LINE_EVERY_NANOS) {
                    lastLine = now;
                    double left = event.elapsedSeconds() / event.step() * (event.totalSteps() - event.step());
                    err.printf(
                            Locale.ROOT,
                            "step %d/%d: loss %.4f, learning rate %.3g, %.0f tok/s, %s left%n",
                            event.step(),
                            event.totalSteps(),
                            event.loss(),
                            event.learningRate(),
                            event.tokensPerSecond(),
                            Texts.duration(left));
                }
            }
        }
    }

    private void message(String text) {
        if (line instanceof ProgressLine.Bar) {
            err.print("\r" + " ".repeat(Math.max(0, terminal.width() - 1)) + "\r");
        }
        err.println(text);
    }

    @Override
    public void close() {
        if (line instanceof ProgressLine.Bar) {
            line.close();
            err.println();
            line = ProgressLine.NONE;
        }
    }
}
