package dev.jemma.engine.api;

import java.nio.file.Path;

/**
 * A file that is not what its format asks for: truncated, malformed, or holding values that Jemma does not compute.
 *
 * <p>The message names the file and, where known, the place in it ({@code train.jsonl:37:14: ...}), the value seen and
 * the value wanted.
 */
public final class FormatException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** A complaint whose message already names its place. */
    public FormatException(String message) {
        super(message);
    }

    /** A complaint whose message already names its place, with the failure beneath it. */
    public FormatException(String message, Throwable cause) {
        super(message, cause);
    }

    /** A complaint about a file as a whole: {@code name: message}. */
    public static FormatException in(Path file, String message) {
        return new FormatException(file.getFileName() + ": " + message);
    }

    /** A complaint about one line of a file, 1-based: {@code name:line: message}. */
    public static FormatException atLine(Path file, long line, String message) {
        return new FormatException(file.getFileName() + ":" + line + ": " + message);
    }

    /** A complaint about one place in a file, 1-based: {@code name:line:column: message}. */
    public static FormatException at(Path file, long line, long column, String message) {
        return new FormatException(file.getFileName() + ":" + line + ":" + column + ": " + message);
    }
}
