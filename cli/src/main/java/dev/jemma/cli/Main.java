package dev.jemma.cli;

import dev.jemma.engine.api.FormatException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
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
 * <p>Data goes to stdout, progress and messages to stderr. Exit status: 0 = done, 1 = failed, 2 = wrong usage, 130 = interrupted.
 */
@Command(
        name = "jemma",
        description = "Gemma fine-tuning and function calling inside one JVM.",
        mixinStandardHelpOptions = true,
        version = "jemma 0.1.0",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            DemoCommand.class,
            InspectCommand.class,
            GenerateCommand.class,
            ChatCommand.class,
            TrainCommand.class,
            EvalCommand.class,
            MergeCommand.class,
            ScoreCommand.class,
            TokenizeCommand.class,
            RenderCommand.class,
            BenchCommand.class,
            DoctorCommand.class
        })
public final class Main implements Runnable {
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
        CommandLine line = commandLine().setOut(out).setErr(err);
        try {
            return line.execute(arguments);
        } catch (OutOfMemoryError | InternalError e) {
            return Failures.ended(e, err, verbose(line));
        } finally {
            out.flush();
            err.flush();
        }
    }

    /** The command with its sub-commands, its conventions about errors included. */
    static CommandLine commandLine() {
        CommandLine line = new CommandLine(new Main());
        CommandLine train = line.getSubcommands().get("train");
        if (train != null && train.getCommand() instanceof TrainCommand command) {
            train.setDefaultValueProvider(command.defaults());
        }
        return line.setCaseInsensitiveEnumValuesAllowed(true)
                .setAbbreviatedOptionsAllowed(false)
                .setUsageHelpAutoWidth(true)
                .setExecutionExceptionHandler(new Failures())
                .setParameterExceptionHandler(Main::wrongUsage);
    }

    /** Two lines about what was wrong, instead of the whole usage. A file of options that is none is no wrong usage, but a failure. */
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
