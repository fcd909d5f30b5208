package dev.jemma.cli;

import dev.jemma.agent.Agent;
import dev.jemma.agent.AgentEvent;
import dev.jemma.agent.AgentException;
import dev.jemma.agent.Answer;
import dev.jemma.agent.GemmaChat;
import dev.jemma.agent.ToolOutcome;
import dev.jemma.agent.bind.ToolBinder;
import dev.jemma.cli.demo.DemoFiles;
import dev.jemma.cli.demo.Household;
import dev.jemma.engine.Evaluation;
import dev.jemma.engine.FineTuning;
import dev.jemma.engine.Gemma;
import dev.jemma.engine.SessionOptions;
import dev.jemma.engine.api.GenerationOptions;
import dev.jemma.engine.api.ToolCall;
import dev.jemma.engine.api.ToolSpec;
import dev.jemma.engine.api.TrainingResult;
import dev.jemma.engine.eval.EvalReport;
import dev.jemma.engine.eval.EvalResult;
import dev.jemma.engine.toolcall.JsonText;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;

/**
 * The demo's story, told on {@code print} while it happens: a model that cannot call the methods of {@link Household},
 * learns to, and calls them.
 *
 * <p>Every number is measured while it is printed; the test rows share no argument value with the training rows, except
 * that an enum's constants must recur.
 */
final class Demonstration {
    static final List<String> ABOUT_THE_BUNDLED_MODEL = List.of(
            "The model is a tiny Gemma 3 of 0.95 million parameters that was made for this demo. It was trained on made-up words only: it can copy",
            "and write JSON, knows no language, and never saw the methods or the rows below. It is no assistant; --model takes a real Gemma.");

    /** Asked at the end; none of their values is in a training row. */
    static final List<String> QUESTIONS = List.of(
            "Please set the sunny kitchen to 21.8 degrees.",
            "Reserve a table for 15 at the Golden Owl on 24 December 2027.",
            "How many days are between 2027-12-24 and 2028-03-01?");

    private final Gemma gemma;
    private final DemoPlan plan;
    private final Path folder;
    private final PrintWriter print;
    private final PrintWriter err;
    private final BooleanSupplier stopped;
    private final Path adapter;
    private final Path train;
    private final Path test;

    /**
     * @param folder where rows and adapter go
     * @param print where the story goes
     * @param err where progress goes
     * @param stopped whether the user has had enough
     */
    Demonstration(
            Gemma gemma, DemoPlan plan, Path folder, PrintWriter print, PrintWriter err, BooleanSupplier stopped) {
        this.gemma = gemma;
        this.plan = plan;
        this.folder = folder;
        this.print = print;
        this.err = err;
        this.stopped = stopped;
        this.adapter = folder.resolve("adapter");
        this.train = folder.resolve("train.jsonl");
        this.test = folder.resolve("test.jsonl");
    }

    void introduce(List<String> about) {
        say("Jemma's demo: a Gemma learns to call Java methods, in this one JVM (" + gemma.description() + ").");
        about.forEach(this::say);
        say("");
        say("The methods, annotated with @Tool in dev.jemma.cli.demo.Household:");
        for (ToolSpec tool : tools()) {
            say("  " + tool.name() + "("
                    + String.join(", ", tool.parameters().get("properties").propertyNames()) + ")  "
                    + tool.description());
        }
    }

    /** How it ended. */
    enum Outcome {
        /** The story is told. */
        FINISHED,
        /** The user stopped it. */
        STOPPED
    }

    /** A part of the story: what came of it and how long it took. */
    private record Part<T>(T result, double seconds) {}

    /** Runs it all. */
    Outcome run() throws IOException {
        long start = System.nanoTime();
        DemoFiles.writeTrainingRows(train, plan.trainingRows());
        DemoFiles.writeTestRows(test, plan.testRows());
        writeTools(folder.resolve("tools.json"));
        try {
            Part<EvalReport> before = before();
            Part<TrainingResult> training = training();
            Part<EvalReport> after = after();
            Part<Integer> agent = agent();
            say("");
            say(String.format(
                    Locale.ROOT,
                    "Summary: %.1f %% of the calls right before training, %.1f %% after (95 %% between %.1f and %.1f).",
                    100 * before.result().all().rate(),
                    100 * after.result().all().rate(),
                    100 * after.result().all().low(),
                    100 * after.result().all().high()));
            say("  before " + Texts.duration(before.seconds()) + ", training " + Texts.duration(training.seconds())
                    + ", after " + Texts.duration(after.seconds()) + ", agent " + Texts.duration(agent.seconds())
                    + "; all in " + Texts.duration(seconds(start)));
            return Outcome.FINISHED;
        } catch (CancellationException e) {
            return Outcome.STOPPED;
        }
    }

    private Part<EvalReport> before() throws IOException {
        say("");
        say("Before training: " + plan.testRows() + " questions, whose calls must be exactly right");
        return evaluate(List.of());
    }

    private Part<EvalReport> after() throws IOException {
        say("");
        say("After training: the same questions");
        return evaluate(List.of(adapter));
    }

    private Part<EvalReport> evaluate(List<Path> adapters) throws IOException {
        long start = System.nanoTime();
        Evaluation evaluation = gemma.evaluate(test).maxNewTokens(plan.maxNewTokens());
        adapters.forEach(evaluation::adapter);
        EvalReport report;
        try (Interrupts interrupts = Interrupts.call(evaluation::cancel)) {
            EvalResult result = evaluation.start(new EvalProgress(err));
            goOn(result.finished());
            report = result.report();
        }
        say(String.format(
                Locale.ROOT,
                "  %d of %d calls right: %.1f %%",
                report.all().correct(),
                report.all().rows(),
                100 * report.all().rate()));
        return new Part<>(report, seconds(start));
    }

    private Part<TrainingResult> training() {
        long start = System.nanoTime();
        say("");
        say("Training: LoRA of rank 16 on all linear layers, " + plan.trainingRows()
                + " other rows, which share no argument value with the questions but enum constants, " + plan.epochs()
                + (plan.epochs() == 1 ? " epoch" : " epochs"));
        TrainingResult result = train();
        goOn(result.finished());
        Part<TrainingResult> part = new Part<>(result, seconds(start));
        say("  " + result.step() + " steps in " + Texts.duration(part.seconds()));
        return part;
    }

    /** Asks the questions, each without the ones before. */
    private Part<Integer> agent() {
        long start = System.nanoTime();
        say("");
        say("The agent: the trained model answers, and its calls run the Java methods");
        GemmaChat model = new GemmaChat(
                gemma,
                SessionOptions.DEFAULTS.withAdapter(adapter),
                GenerationOptions.GREEDY.withMaxNewTokens(plan.maxNewTokens()),
                GemmaChat.Decoding.FREE);
        int calls = 0;
        try (Agent agent = Agent.with(model)
                        .tools(new Household())
                        .onEvent(this::show)
                        .build();
                Interrupts interrupts = Interrupts.call(agent::cancel)) {
            for (String question : QUESTIONS) {
                agent.reset();
                say("  > " + question);
                try {
                    Answer answer = agent.ask(question);
                    calls += answer.toolCalls();
                    say("    answers: " + answer.text());
                } catch (AgentException e) {
                    say("    gives up: " + e.getMessage());
                }
                goOn(true);
            }
        }
        return new Part<>(calls, seconds(start));
    }

    private void goOn(boolean whole) {
        if (!whole || stopped.getAsBoolean()) {
            throw new CancellationException("stopped by the user");
        }
    }

    private TrainingResult train() {
        FineTuning training =
                gemma.fineTune(train).config(plan.config()).out(adapter).metrics(folder.resolve("metrics.jsonl"));
        try (TrainingProgress progress = new TrainingProgress(err, Terminals.detect())) {
            return training.start(event -> {
                if (stopped.getAsBoolean()) {
                    training.cancel();
                }
                progress.accept(event);
            });
        }
    }

    private void show(AgentEvent event) {
        switch (event) {
            case AgentEvent.ToolFinished finished -> {
                String outcome = switch (finished.outcome()) {
                    case ToolOutcome.Success success -> "returns " + JsonText.of(success.value());
                    case ToolOutcome.Failure failure -> "fails: " + JsonText.of(failure.shown());
                };
                say("    calls " + java(finished.call()) + ", which " + outcome);
            }
            case AgentEvent.CallMalformed malformed -> say("    writes what is no call: " + malformed.error());
            default -> {
                // Answers are printed when they are whole.
            }
        }
    }

    /** A call as Java would write it, records as their components. */
    private static String java(ToolCall call) {
        return call.name() + "("
                + call.arguments().values().stream().map(JsonText::of).collect(Collectors.joining(", ")) + ")";
    }

    private static List<ToolSpec> tools() {
        return ToolBinder.of(new Household()).specs();
    }

    private static void writeTools(Path file) throws IOException {
        ArrayNode tools = JsonNodeFactory.instance.arrayNode();
        tools().stream().map(ToolSpec::toJson).map(JsonNode.class::cast).forEach(tools::add);
        Files.writeString(file, tools.toPrettyString() + "\n");
    }

    private void say(String line) {
        print.println(line);
        print.flush();
    }

    private static double seconds(long since) {
        return (System.nanoTime() - since) / 1e9;
    }
}
