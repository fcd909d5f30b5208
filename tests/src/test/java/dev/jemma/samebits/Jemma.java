package dev.jemma.samebits;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The commands of one side of a case: each runs in a process of its own and puts what it gave into {@link Seen}. */
final class Jemma {
    private static final JsonMapper JSON = JsonMapper.shared();
    private static final long MOST_MINUTES = 15;

    private final Checkout checkout;
    private final Case shared;
    private final Path folder;
    private final Seen seen;

    /**
     * A built checkout.
     *
     * @param name for people
     * @param root its folder, with the launcher
     * @param cache its cache folder, empty at first: what one side converted or measured, the other must not read
     * @param stopped whether no further command shall start
     */
    record Checkout(String name, Path root, Path cache, AtomicBoolean stopped) {}

    /**
     * @param folder where the commands write; the caller removes it
     * @param seen where results go
     */
    Jemma(Checkout checkout, Case shared, Path folder, Seen seen) {
        this.checkout = checkout;
        this.shared = shared;
        this.folder = folder;
        this.seen = seen;
    }

    Case.Model model() {
        return shared.model();
    }

    /** Where this side writes {@code name}. */
    Path out(String name) {
        return folder.resolve(name);
    }

    /** Loss and logits of the model's rows with {@code adapters}. */
    void score(String name, Path... adapters) throws IOException, InterruptedException {
        Path logits = out(name + ".safetensors");
        List<Object> arguments = new ArrayList<>(List.of("score --json --logits", logits));
        arguments.addAll(List.of("--data", model().rows().scored()));
        Arrays.stream(adapters).forEach(adapter -> arguments.addAll(List.of("--adapter", adapter)));
        seen.figures(name, computed(arguments), List.of("rows", "tokens", "loss", "perplexity"));
        seen.tensors(name, logits);
    }

    /** Training on {@code rows} into {@code out(name)}: losses, norms, and adapter and moments after each step. */
    void train(String name, Path rows, Object... options) throws IOException, InterruptedException {
        Path metrics = out(name + ".jsonl");
        List<Object> arguments = new ArrayList<>(List.of("train --save-steps 1 --save-total-limit 0"));
        arguments.addAll(List.of("--data", rows, "--out", out(name), "--metrics", metrics));
        arguments.addAll(Arrays.asList(options));
        arguments.addAll(shared.options());
        run(arguments);
        for (String line : Files.readAllLines(metrics)) {
            JsonNode event = JSON.readTree(line);
            String step = name + ": step " + event.get("step");
            if (event.has("eval_loss")) {
                seen.figures(step + " evaluated", event, List.of("eval_loss", "eval_tokens"));
            } else {
                seen.figures(step, event, List.of("loss", "learning_rate", "grad_norm", "tokens"));
            }
        }
        try (Stream<Path> all = Files.walk(out(name))) {
            for (Path file : all.filter(Jemma::holdsTensors)
                    .sorted(Comparator.comparing(Jemma::stepOf).thenComparing(Path::toString))
                    .toList()) {
                seen.tensors(name + ": " + out(name).relativize(file), file);
            }
        }
    }

    private static boolean holdsTensors(Path file) {
        return file.toString().endsWith(".safetensors");
    }

    /** Checkpoints in the order of their steps, behind them the adapter at the end. */
    private static int stepOf(Path file) {
        String folder = file.getName(file.getNameCount() - 2).toString();
        return folder.startsWith("checkpoint-")
                ? Integer.parseInt(folder.substring("checkpoint-".length()))
                : Integer.MAX_VALUE;
    }

    /** A completion. */
    void generate(String name, Object... options) throws IOException, InterruptedException {
        List<Object> arguments = new ArrayList<>(List.of("generate --json"));
        arguments.addAll(Arrays.asList(options));
        seen.figures(
                name,
                computed(arguments),
                List.of("ids", "text", "finish_reason", "prompt_tokens", "completion_tokens"));
    }

    /** Answers to {@code rows} and the verdicts: through template, generation and the reading of calls. */
    void eval(String name, Path rows, int newTokens) throws IOException, InterruptedException {
        Path details = out(name + ".jsonl");
        List<Object> arguments =
                List.of("eval --json --max-new-tokens " + newTokens, "--data", rows, "--details", details);
        seen.figures(name, computed(arguments), List.of("rows", "correct", "accuracy", "parsed", "schema_valid"));
        for (String line : Files.readAllLines(details)) {
            JsonNode answer = JSON.readTree(line);
            seen.figures(name + ": row " + answer.get("id"), answer, List.of("correct", "reason", "prediction"));
        }
    }

    /** The model's weights with those of {@code adapter} added. */
    void merge(String name, Path adapter, String dtype) throws IOException, InterruptedException {
        run(List.of("merge --dtype " + dtype, "--model", model().path(), "--adapter", adapter, "--out", out(name)));
        try (Stream<Path> all = Files.list(out(name))) {
            for (Path file : all.filter(Jemma::holdsTensors).sorted().toList()) {
                seen.tensors(name, file);
            }
        }
    }

    private JsonNode computed(List<Object> arguments) throws IOException, InterruptedException {
        List<Object> all = new ArrayList<>(arguments);
        all.addAll(shared.options());
        return JSON.readTree(run(all));
    }

    /**
     * Runs a command.
     *
     * @param arguments strings, which are split at their spaces, and paths, which are not
     * @return what it printed
     */
    private String run(List<Object> arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(checkout.root().resolve("jemma").toString());
        for (Object argument : arguments) {
            command.addAll(argument instanceof Path ? List.of(argument.toString()) : words(argument));
        }
        if (checkout.stopped().get()) {
            throw new IOException("stopped");
        }
        Path stdout = out("stdout");
        Path stderr = out("stderr");
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectInput(Path.of("/dev/null").toFile())
                .redirectOutput(stdout.toFile())
                .redirectError(stderr.toFile());
        builder.environment().put("JEMMA_JAVA_OPTIONS", shared.javaOptions());
        builder.environment().put("XDG_CACHE_HOME", checkout.cache().toString());
        Process process = builder.start();
        if (!process.waitFor(MOST_MINUTES, TimeUnit.MINUTES)) {
            process.descendants().forEach(ProcessHandle::destroy);
            process.destroy();
            throw failed("still running after " + MOST_MINUTES + " minutes", command, stderr);
        }
        if (process.exitValue() != 0) {
            throw failed("exit status " + process.exitValue(), command, stderr);
        }
        return Files.readString(stdout);
    }

    private static List<String> words(Object argument) {
        return List.of(argument.toString().split(" "));
    }

    private IOException failed(String what, List<String> command, Path stderr) throws IOException {
        return new IOException("%s: %s of %s: %s"
                .formatted(
                        checkout.name(),
                        what,
                        String.join(" ", command),
                        Files.readString(stderr).strip()));
    }
}
