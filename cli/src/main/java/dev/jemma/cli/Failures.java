package dev.jemma.cli;

import dev.jemma.cuda.CudaException;
import dev.jemma.engine.api.FormatException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import picocli.CommandLine;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.ParseResult;

/** Says in a line or two why a command failed; with {@code --verbose} the stack trace too. */
final class Failures implements IExecutionExceptionHandler {
    /** Exit status of a command that the user interrupted. */
    static final int INTERRUPTED = 130;

    @Override
    public int handleExecutionException(Exception failure, CommandLine line, ParseResult result) {
        PrintWriter err = line.getErr();
        line.getOut().flush();
        err.println("jemma: " + message(failure));
        if (Main.verbose(line)) {
            failure.printStackTrace(err);
        } else if (!expected(failure)) {
            err.println("this is a fault in jemma; --verbose shows where it happened");
        }
        return CommandLine.ExitCode.SOFTWARE;
    }

    /** Whether a failure is one that the user can understand and mend. */
    private static boolean expected(Exception failure) {
        return failure instanceof FormatException
                || failure instanceof IllegalArgumentException
                || failure instanceof CudaException
                || failure instanceof UncheckedIOException
                || failure instanceof java.io.IOException;
    }

    private static String message(Throwable failure) {
        return switch (failure) {
            case UncheckedIOException e when bareCause(e) instanceof FileSystemException cause -> message(cause);
            case NoSuchFileException e -> e.getFile() + " does not exist";
            case AccessDeniedException e -> e.getFile() + " cannot be read or written: permission denied";
            default -> {
                String message = failure.getMessage();
                yield message == null ? failure.getClass().getSimpleName() : message;
            }
        };
    }

    /** The cause of an exception that says no more than its cause does; otherwise the exception itself. */
    private static Throwable bareCause(UncheckedIOException e) {
        Throwable cause = e.getCause();
        return cause != null && (e.getMessage() == null || e.getMessage().equals(cause.toString())) ? cause : e;
    }
}
