package dev.jemma.engine.train;

import dev.jemma.engine.api.ModelFiles;
import dev.jemma.engine.api.Precision;
import dev.jemma.engine.api.TrainingException;
import dev.jemma.engine.io.StagedFolder;
import dev.jemma.engine.lora.Adapter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The folder of a run: checkpoints while it goes on, and at its end the adapter with its companions.
 *
 * <p>A checkpoint appears whole or not at all, and one to be deleted disappears under another name first, so a kill at
 * any moment leaves a folder that can be resumed from.
 */
final class RunFolder {
    private static final Pattern CHECKPOINT = Pattern.compile("checkpoint-(\\d{1,18})");
    private static final Pattern LEFT_OVER = Pattern.compile("\\.(checkpoint-\\d+|adapter_.*|"
            + Pattern.quote(ModelFiles.CHAT_TEMPLATE) + "|" + Pattern.quote(ModelFiles.JEMMA) + ")\\..*\\.tmp");

    private final TrainingRun run;

    private RunFolder(TrainingRun run) {
        this.run = run;
    }

    /** Prepares the folder: makes it, refuses one that holds another run, and deletes what a kill left half-written. */
    static RunFolder open(TrainingRun run) {
        RunFolder folder = new RunFolder(run);
        try {
            Files.createDirectories(run.out());
            boolean occupied =
                    Adapter.exists(run.out()) || !folder.checkpoints().isEmpty();
            if (occupied && run.start() == TrainingRun.Start.NEW) {
                throw new TrainingException(
                        run.out()
                                + " already holds a run; --resume goes on with it, another --out keeps it, deleting the folder ends it");
            }
            for (Path path : list(run.out())) {
                if (LEFT_OVER.matcher(path.getFileName().toString()).matches()) {
                    StagedFolder.delete(path);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(run.out() + " cannot be prepared: " + e.getMessage(), e);
        }
        return folder;
    }

    /** The checkpoint of the latest step. */
    Optional<TrainingCheckpoint> lastCheckpoint() {
        try {
            List<Path> checkpoints = checkpoints();
            return checkpoints.isEmpty()
                    ? Optional.empty()
                    : Optional.of(TrainingCheckpoint.open(checkpoints.getLast()));
        } catch (IOException e) {
            throw new UncheckedIOException(run.out() + " cannot be read: " + e.getMessage(), e);
        }
    }

    /** What the run in {@code out} computes with, if it has a checkpoint. */
    static Optional<Precision> precision(Path out) {
        try {
            if (!Files.isDirectory(out)) {
                return Optional.empty();
            }
            List<Path> checkpoints = checkpoints(out);
            return checkpoints.isEmpty()
                    ? Optional.empty()
                    : Optional.of(TrainingCheckpoint.open(checkpoints.getLast()).precision());
        } catch (IOException e) {
            throw new UncheckedIOException(out + " cannot be read: " + e.getMessage(), e);
        }
    }

    /** Writes {@code checkpoint-N} and deletes the oldest ones beyond the limit. */
    Path saveCheckpoint(Adapter adapter, AdamW optimizer, RunState state) {
        Path target = run.out().resolve("checkpoint-" + state.step());
        try {
            if (Files.exists(target)) {
                discard(target);
            }
            try (StagedFolder staged = StagedFolder.open(target)) {
                TrainingCheckpoint.write(staged.path(), adapter, optimizer, state, run.companions());
                staged.commit();
            }
            int limit = run.config().saveTotalLimit();
            List<Path> checkpoints = checkpoints();
            if (limit > 0 && checkpoints.size() > limit) {
                for (Path old : checkpoints.subList(0, checkpoints.size() - limit)) {
                    discard(old);
                }
            }
            return target;
        } catch (IOException e) {
            throw new UncheckedIOException(target + " cannot be written: " + e.getMessage(), e);
        }
    }

    /** Writes the final adapter, its weights last. */
    void saveAdapter(Adapter adapter) {
        try {
            for (Map.Entry<String, String> companion : run.companions().entrySet()) {
                TrainingCheckpoint.writeText(run.out().resolve(companion.getKey()), companion.getValue());
            }
            adapter.save(run.out());
        } catch (IOException e) {
            throw new UncheckedIOException("the adapter cannot be written to " + run.out() + ": " + e.getMessage(), e);
        }
    }

    /** Deletes a checkpoint so that a kill in between leaves none that looks whole. */
    private void discard(Path checkpoint) throws IOException {
        Path hidden = run.out().resolve("." + checkpoint.getFileName() + ".old.tmp");
        StagedFolder.delete(hidden);
        Files.move(checkpoint, hidden);
        StagedFolder.delete(hidden);
    }

    /** The checkpoints, oldest first. */
    private List<Path> checkpoints() throws IOException {
        return checkpoints(run.out());
    }

    private static List<Path> checkpoints(Path out) throws IOException {
        return list(out).stream()
                .filter(path ->
                        CHECKPOINT.matcher(path.getFileName().toString()).matches())
                .sorted(Comparator.comparingLong(RunFolder::step))
                .toList();
    }

    private static long step(Path checkpoint) {
        Matcher name = CHECKPOINT.matcher(checkpoint.getFileName().toString());
        return name.matches() ? Long.parseLong(name.group(1)) : -1;
    }

    private static List<Path> list(Path folder) throws IOException {
        List<Path> paths = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
            entries.forEach(paths::add);
        }
        return paths;
    }
}
