package dev.jemma.cli;

import dev.jemma.cuda.CudaException;
import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.TemplateException;
import dev.jemma.engine.api.TrainingException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
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

    /** What the machine could not give: memory, or pages of a file that was there a moment ago. */
    static int ended(Error failure, PrintWriter err, boolean verbose) {
        err.println("jemma: " + message(failure));
        if (verbose) {
            failure.printStackTrace(err);
        }
        return CommandLine.ExitCode.SOFTWARE;
    }

    /** Whether a failure is one that the user can understand and mend. */
    private static boolean expected(Exception failure) {
        return failure instanceof FormatException
                || failure instanceof TrainingException
                || failure instanceof TemplateException
                || failure instanceof IllegalArgumentException
                || failure instanceof CudaException
                || failure instanceof UncheckedIOException
                || failure instanceof IOException;
    }

    /** What went wrong, in words for people. */
    static String message(Throwable failure) {
        return switch (failure) {
            case OutOfMemoryError e ->
                "memory does not suffice (" + e.getMessage()
                        + "); JEMMA_JAVA_OPTIONS=-Xmx8g allows Java more, a smaller batch or context needs less";
            case InternalError e
            when String.valueOf(e.getMessage()).contains("unsafe memory access") ->
                "a file of weights was cut short or replaced while it was in use; put new ones in place by renaming";
            case UncheckedIOException e when bareCause(e) instanceof FileSystemException cause -> message(cause);
            case CharacterCodingException e -> "a file that was read is not UTF-8 text: " + e.getMessage();
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
