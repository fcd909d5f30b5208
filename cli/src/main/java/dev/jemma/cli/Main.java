package dev.jemma.cli;

import dev.jemma.engine.api.FormatException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.function.Supplier;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/**
 * The {@code jemma} command.
 *
 * <p>Data goes to stdout, progress and messages to stderr. Exit status: 0 = done, 1 = failed, 2 = wrong usage, 130 =
 * interrupted.
 */
@Command(
        name = "jemma",
        description = "Gemma fine-tuning and function calling inside one JVM.",
        mixinStandardHelpOptions = true,
        version = "jemma 0.1.0",
        synopsisSubcommandLabel = "COMMAND")
public final class Main implements Runnable {
    /**
     * The commands in the order of the help. What makes one is only called if it is wanted: reading all their options
     * takes longer than Java takes to start.
     */
    private static final SequencedMap<String, Supplier<Object>> COMMANDS = commands();

    private static SequencedMap<String, Supplier<Object>> commands() {
        SequencedMap<String, Supplier<Object>> commands = new LinkedHashMap<>();
        commands.put("demo", DemoCommand::new);
        commands.put("inspect", InspectCommand::new);
        commands.put("generate", GenerateCommand::new);
        commands.put("chat", ChatCommand::new);
        commands.put("train", TrainCommand::new);
        commands.put("eval", EvalCommand::new);
        commands.put("merge", MergeCommand::new);
        commands.put("score", ScoreCommand::new);
        commands.put("tokenize", TokenizeCommand::new);
        commands.put("render", RenderCommand::new);
        commands.put("bench", BenchCommand::new);
        commands.put("doctor", DoctorCommand::new);
        return Collections.unmodifiableSequencedMap(commands);
    }

    @Spec
    private CommandSpec spec;

    @Option(
            names = "--verbose",
            scope = ScopeType.INHERIT,
            description = "Say what was chosen and why; show the stack trace of a failure.")
    private boolean verbose;

    private Main() {}

    /** Runs one command and exits with its status. */
    public static void main(String[] arguments) {
        System.exit(run(
                new PrintWriter(System.out, false, StandardCharsets.UTF_8),
                new PrintWriter(System.err, true, StandardCharsets.UTF_8),
                arguments));
    }

    /**
     * Runs one command.
     *
     * @param out where data goes
     * @param err where progress and messages go
     * @return the exit status
     */
    public static int run(PrintWriter out, PrintWriter err, String... arguments) {
        CommandLine line = commandLine(arguments).setOut(out).setErr(err);
        try {
            return line.execute(arguments);
        } catch (OutOfMemoryError | InternalError e) {
            return Failures.ended(e, err, verbose(line));
        } finally {
            out.flush();
            err.flush();
        }
    }

    /**
     * The command with the sub-command that the arguments name, or with all of them if they name none; its conventions
     * about errors included.
     */
    static CommandLine commandLine(String... arguments) {
        CommandLine line = new CommandLine(new Main());
        Optional<String> named = Arrays.stream(arguments)
                .filter(argument -> !argument.startsWith("-"))
                .findFirst()
                .filter(COMMANDS::containsKey);
        COMMANDS.forEach((name, maker) -> {
            if (named.isEmpty() || named.get().equals(name)) {
                line.addSubcommand(name, made(maker.get()));
            }
        });
        return line.setCaseInsensitiveEnumValuesAllowed(true)
                .setAbbreviatedOptionsAllowed(false)
                .setUsageHelpAutoWidth(true)
                .setExecutionExceptionHandler(new Failures())
                .setParameterExceptionHandler(Main::wrongUsage);
    }

    private static CommandLine made(Object command) {
        CommandLine line = new CommandLine(command);
        return command instanceof TrainCommand train ? line.setDefaultValueProvider(train.defaults()) : line;
    }

    /**
     * Two lines about what was wrong, instead of the whole usage. A file of options that is none is no wrong usage, but
     * a failure.
     */
    private static int wrongUsage(ParameterException failure, String[] arguments) {
        CommandLine line = failure.getCommandLine();
        PrintWriter err = line.getErr();
        if (failure.getCause() instanceof FormatException file) {
            err.println("jemma: " + file.getMessage());
            return CommandLine.ExitCode.SOFTWARE;
        }
        err.println("jemma: " + String.valueOf(failure.getMessage()).replaceFirst("^Error: ", ""));
        err.println("'" + line.getCommandSpec().qualifiedName() + " --help' lists what it takes");
        return CommandLine.ExitCode.USAGE;
    }

    /** Whether the command that {@code line} belongs to was asked to say what it chose and why. */
    static boolean verbose(CommandLine line) {
        CommandLine root = line;
        for (CommandLine parent = line.getParent(); parent != null; parent = parent.getParent()) {
            root = parent;
        }
        return root.getCommand() instanceof Main main && main.verbose;
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "name a command");
    }
}
