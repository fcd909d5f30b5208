package dev.jemma.engine.train;

import dev.jemma.engine.api.TrainingEvent;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;

/** Writes a run's events to its metrics file, if it has one. */
record Metrics(Optional<MetricsLog> log) implements Consumer<TrainingEvent>, AutoCloseable {
    static Metrics of(Optional<Path> file, long step) {
        return new Metrics(file.map(path -> MetricsLog.open(path, step)));
    }

    @Override
    public void accept(TrainingEvent event) {
        log.ifPresent(lines -> {
            switch (event) {
                case TrainingEvent.Stepped stepped -> lines.write(stepped);
                case TrainingEvent.Evaluated evaluated -> lines.write(evaluated);
                case TrainingEvent.RowsRead _,
                        TrainingEvent.Warned _,
                        TrainingEvent.Started _,
                        TrainingEvent.Saved _,
                        TrainingEvent.Ended _ -> {}
            }
        });
    }

    @Override
    public void close() {
        log.ifPresent(MetricsLog::close);
    }
}
