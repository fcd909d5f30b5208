package dev.jemma.cli;

import dev.jemma.cli.demo.DemoFiles;
import dev.jemma.engine.Gemma;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "demo",
        description =
                "A Gemma learns to call Java methods: accuracy before, LoRA training, accuracy after, then an agent at work.",
        mixinStandardHelpOptions = true)
final class DemoCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(
            names = "--model",
            paramLabel = "DIR",
            description = "A real Gemma to teach, instead of the tiny bundled one; takes longer, and fewer rows.")
    private Optional<Path> model = Optional.empty();

    @Option(
            names = "--out",
            paramLabel = "DIR",
            description = "Keep model, rows and adapter in this new folder; otherwise they are deleted at the end.")
    private Optional<Path> out = Optional.empty();

    @Mixin
    private ComputeOptions compute;

    @Override
    public Integer call() throws IOException {
        AtomicBoolean stopped = new AtomicBoolean();
        // Held to the very end, so that an interrupted demo still deletes what it wrote.
        try (Interrupts interrupts = Interrupts.call(() -> stopped.set(true))) {
            if (out.isPresent()) {
                requireNew(out.get());
                return run(Files.createDirectories(out.get()), stopped::get);
            }
            Path folder = Files.createTempDirectory("jemma-demo");
            try {
                return run(folder, stopped::get);
            } finally {
                delete(folder);
            }
        }
    }

    private static void requireNew(Path folder) throws IOException {
        if (Files.isDirectory(folder)) {
            try (Stream<Path> files = Files.list(folder)) {
                if (files.findAny().isPresent()) {
                    throw new IllegalArgumentException("--out " + folder + " is not empty; name a new folder");
                }
            }
        }
    }

    private int run(Path folder, BooleanSupplier stopped) throws IOException {
        DemoPlan plan = model.isPresent() ? DemoPlan.REAL : DemoPlan.BUNDLED;
        PrintWriter print = spec.commandLine().getOut();
        Path base = folder.resolve("model");
        if (model.isPresent()) {
            base = model.get();
        } else {
            DemoFiles.writeModel(base);
        }
        try (Gemma gemma = Gemma.open(base, compute.options())) {
            Demonstration demonstration = new Demonstration(
                    gemma, plan, folder, print, spec.commandLine().getErr(), stopped);
            demonstration.introduce(model.isPresent() ? List.of() : Demonstration.ABOUT_THE_BUNDLED_MODEL);
            if (demonstration.run() == Demonstration.Outcome.STOPPED) {
                return Failures.INTERRUPTED;
            }
        }
        if (out.isPresent()) {
            print.println();
            print.println("Go on with it:  jemma chat --model " + base + " --adapter " + folder.resolve("adapter")
                    + " --tools " + folder.resolve("tools.json"));
        }
        return 0;
    }

    private static void delete(Path folder) throws IOException {
        List<Path> files;
        try (Stream<Path> walk = Files.walk(folder)) {
            files = walk.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path file : files) {
            Files.delete(file);
        }
    }
}
