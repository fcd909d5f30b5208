package dev.jemma.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The {@code jemma} command. */
@Command(name = "jemma", description = "Gemma fine-tuning and function calling inside one JVM.")
public final class Main {
    private Main() {}

    /** Runs one command and exits with its status. */
    public static void main(String[] arguments) {
        System.exit(new CommandLine(new Main()).execute(arguments));
    }
}
