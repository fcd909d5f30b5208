package dev.jemma.samebits;

import dev.jemma.samebits.Jemma.Checkout;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.concurrent.CompletionService;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;

/**
 * Do two builds compute the same bits on this machine? {@code tests/scripts/same_bits.sh} builds them and runs this
 * from its source.
 *
 * <p>Prints a line for each case. Exit 0 if all are equal, else 1.
 */
public final class SameBits {
    /** Of one case: where one number differs, thousands do. */
    private static final int MOST_LINES = 4;

    private static final long MOST_SECONDS_TO_LEAVE = 10;

    private final Checkout before;
    private final Checkout after;
    private final Path work;

    /** What came of a case: what differs, or why it could not be compared. */
    private record Outcome(Case shared, List<String> differences, Seen.Count count, long seconds) {}

    private SameBits(Checkout before, Checkout after, Path work) {
        this.before = before;
        this.after = after;
        this.work = work;
    }

    /**
     * Arguments: name and folder of the one checkout and of the other, {@code whole} or {@code quick}, folder of
     * reference models, folder of the real model, words of the cases wanted, cases at a time.
     */
    public static void main(String[] args) throws IOException, InterruptedException {
        Path work = Files.createTempDirectory("jemma-same-bits");
        AtomicBoolean stopped = new AtomicBoolean();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> leave(work, stopped)));
        Checkout before = new Checkout(args[0], Path.of(args[1]), work.resolve("cache-before"), stopped);
        Checkout after = new Checkout(args[2], Path.of(args[3]), work.resolve("cache-after"), stopped);
        Data data = new Data(after.root(), Files.createDirectory(work.resolve("rows")));
        Matrix matrix = Matrix.of(data, Matrix.Extent.parse(args[4]), Path.of(args[5]), Path.of(args[6]));
        matrix.skipped().forEach(what -> System.out.println("skipped    " + what));
        List<Case> cases = matrix.cases().stream()
                .filter(shared -> shared.toString().contains(args[7]))
                .toList();
        if (cases.isEmpty()) {
            System.err.println("no case's line holds '" + args[7] + "'");
            System.exit(2);
        }
        boolean equal = new SameBits(before, after, work).run(cases, Integer.parseInt(args[8]));
        System.exit(equal ? 0 : 1);
    }

    /**
     * Ends what runs and removes what it wrote. Cases notice that they are stopped, and may write a last file until
     * they do.
     */
    private static void leave(Path work, AtomicBoolean stopped) {
        stopped.set(true);
        long start = System.nanoTime();
        do {
            ProcessHandle.current().descendants().forEach(ProcessHandle::destroy);
            delete(work);
            LockSupport.parkNanos(50_000_000);
        } while ((Files.exists(work)
                        || ProcessHandle.current().descendants().findAny().isPresent())
                && secondsSince(start) < MOST_SECONDS_TO_LEAVE);
    }

    private boolean run(List<Case> cases, int jobs) throws IOException, InterruptedException {
        long start = System.nanoTime();
        FileTime built = built();
        System.out.printf("before: %s; after: %s; %d cases%n", before.name(), after.name(), cases.size());
        Seen.Count all = Seen.Count.NONE;
        int different = 0;
        try (ExecutorService pool = Executors.newFixedThreadPool(jobs)) {
            CompletionService<Outcome> outcomes = new ExecutorCompletionService<>(pool);
            for (int i = 0; i < cases.size(); i++) {
                Case shared = cases.get(i);
                Path folder = work.resolve("case-" + i);
                outcomes.submit(() -> compare(shared, folder));
            }
            for (int i = 0; i < cases.size(); i++) {
                Outcome outcome = outcomes.take().resultNow();
                if (before.stopped().get()) {
                    return false;
                }
                all = all.plus(outcome.count);
                different += outcome.differences.isEmpty() ? 0 : 1;
                print(outcome);
            }
        }
        boolean same = built.equals(built());
        if (!same) {
            System.out.println(
                    "The checkout was built anew while it was compared, so nothing is said: run this again.");
        }
        System.out.printf(
                "%s %d cases: %s; %d s%n",
                different == 0 ? "equal in all" : "DIFFERENT in " + different + " of",
                cases.size(),
                all,
                secondsSince(start));
        return same && different == 0;
    }

    /** When this checkout was built: the launcher builds it again if somebody edits it. */
    private FileTime built() throws IOException {
        return Files.getLastModifiedTime(after.root().resolve(Path.of("cli", "target", "built")));
    }

    private Outcome compare(Case shared, Path folder) throws IOException {
        long start = System.nanoTime();
        try (Arena arena = Arena.ofShared()) {
            Seen one = run(before, shared, folder.resolve("before"), arena);
            Seen other = run(after, shared, folder.resolve("after"), arena);
            List<String> differences = one.differences(other);
            return new Outcome(shared, differences, one.count(), secondsSince(start));
        } catch (IOException | InterruptedException | RuntimeException e) {
            return new Outcome(shared, List.of(String.valueOf(e.getMessage())), Seen.Count.NONE, secondsSince(start));
        } finally {
            delete(folder);
        }
    }

    private static Seen run(Checkout checkout, Case shared, Path folder, Arena arena)
            throws IOException, InterruptedException {
        if (checkout.stopped().get()) {
            throw new IOException("stopped");
        }
        Seen seen = new Seen(arena);
        shared.work().run(new Jemma(checkout, shared, Files.createDirectories(folder), seen));
        return seen;
    }

    private static long secondsSince(long start) {
        return (System.nanoTime() - start) / 1_000_000_000;
    }

    private static void print(Outcome outcome) {
        List<String> lines = outcome.differences;
        System.out.printf(
                "%-10s %s; %s, %d s%n",
                lines.isEmpty() ? "equal" : "DIFFERENT", outcome.shared, outcome.count, outcome.seconds);
        lines.stream().limit(MOST_LINES).forEach(line -> System.out.println("    " + line));
        if (lines.size() > MOST_LINES) {
            System.out.println("    and " + (lines.size() - MOST_LINES) + " more");
        }
    }

    private static void delete(Path folder) {
        try {
            Files.walkFileTree(folder, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                    Files.deleteIfExists(file);
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult postVisitDirectory(Path visited, IOException failure) throws IOException {
                    Files.deleteIfExists(visited);
                    return FileVisitResult.CONTINUE;
                }
            });
        } catch (NoSuchFileException | DirectoryNotEmptyException inUse) {
            // it never was, or a command that is being ended still writes
        } catch (IOException e) {
            System.err.println(folder + " is left: " + e.getMessage());
        }
    }
}
