package dev.jemma.samebits;

import dev.jemma.samebits.Case.Model;
import dev.jemma.samebits.Case.Rows;
import dev.jemma.samebits.Case.Size;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The models and their rows: written anew each time, the same each time. Token ids are below 90, so that any model has
 * them.
 */
final class Data {
    private static final Path DEMO = Path.of("cli", "src", "main", "resources", "dev", "jemma", "cli", "demo");
    private static final Path BUNDLED = Path.of("tests", "src", "test", "resources", "models");

    /**
     * Beside both kinds of products: up to four rows are read weight by weight, more go by tiles; beyond every window.
     */
    private static final int[] LENGTHS = {1, 2, 3, 4, 5, 17, 40, 70};

    private final Path checkout;
    private final Path folder;
    private final Random random = new Random(10);

    /**
     * @param checkout whose bundled models and rows are taken
     * @param folder where rows are written
     */
    Data(Path checkout, Path folder) {
        this.checkout = checkout;
        this.folder = folder;
    }

    private Path write(String name, Stream<String> lines) throws IOException {
        return Files.write(folder.resolve(name), lines.toList());
    }

    private List<Integer> ids(int length) {
        return Stream.concat(Stream.of(2), random.ints(length - 1L, 3, 90).boxed())
                .toList();
    }

    /** Supervised at every other place: the scorer then reads a token at a time, as generation does. */
    private String alternating(int length) {
        List<Integer> ids = ids(length);
        List<Integer> labels = IntStream.range(0, length)
                .mapToObj(i -> i % 2 == 0 ? ids.get(i) : -100)
                .toList();
        return "{\"input_ids\":" + ids + ",\"labels\":" + labels + "}";
    }

    private String plain(int length) {
        return "{\"input_ids\":" + ids(length) + "}";
    }

    /** For models of a few thousand parameters. */
    Rows ofIds() throws IOException {
        List<String> scored = new ArrayList<>();
        for (int length : LENGTHS) {
            scored.add(plain(length));
        }
        scored.add(alternating(24));
        return new Rows(
                write("scored.jsonl", scored.stream()),
                write("learned.jsonl", IntStream.range(0, 24).mapToObj(i -> plain(i % 4 == 3 ? 11 : 24))));
    }

    /** For a model that can read. */
    Rows ofText() throws IOException {
        List<String> scored = List.of(
                "{\"text\":\"The library of Alexandria was founded in the third century BC.\"}",
                "{\"messages\":[{\"role\":\"user\",\"content\":\"Name a river.\"},"
                        + "{\"role\":\"assistant\",\"content\":\"The Danube.\"}]}",
                plain(4),
                alternating(16));
        Stream<String> learned = Stream.of("red", "green", "blue", "black", "white", "brown")
                .flatMap(colour -> Stream.of(
                        "{\"messages\":[{\"role\":\"user\",\"content\":\"Is it " + colour + "?\"},"
                                + "{\"role\":\"assistant\",\"content\":\"No, it is not " + colour + ".\"}]}",
                        "{\"prompt\":\"The opposite of " + colour + " is\",\"completion\":\" unknown to me.\"}"));
        return new Rows(write("scored-text.jsonl", scored.stream()), write("learned-text.jsonl", learned));
    }

    /** Conversations with tools of the demonstration. */
    Path demonstration(String file, int rows) throws IOException {
        try (Stream<String> lines = Files.lines(checkout.resolve(DEMO).resolve(file))) {
            return write("demo-" + file, lines.limit(rows));
        }
    }

    /** A conversation that ends with a question, in the form of {@code generate --messages}. */
    Path question() throws IOException {
        return write(
                "question.json",
                Stream.of("[{\"role\":\"user\",\"content\":\"Make it 19.5 degrees in the open chapel.\"}]"));
    }

    /** The model that comes with the command. */
    Model demo(Rows rows) {
        return new Model("demo", checkout.resolve(DEMO).resolve("model"), Size.TINY, rows, List.of());
    }

    /** The models of the tests. */
    List<Model> bundled(Rows rows) {
        return modelsIn(checkout.resolve(BUNDLED), "small ", rows);
    }

    /** Every model folder in {@code root}. */
    static List<Model> modelsIn(Path root, String prefix, Rows rows) {
        try (Stream<Path> folders = Files.list(root)) {
            List<Path> models = folders.filter(each -> Files.isRegularFile(each.resolve("config.json")))
                    .sorted()
                    .toList();
            if (models.isEmpty()) {
                throw new IllegalArgumentException(root + " holds no model folder");
            }
            return models.stream()
                    .map(each -> new Model(prefix + each.getFileName(), each, Size.TINY, rows, adapters(each)))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<Path> adapters(Path model) {
        try (Stream<Path> folders = Files.list(model)) {
            return folders.filter(each -> Files.isRegularFile(each.resolve("adapter_config.json")))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
