package dev.jemma.engine.api;

/**
 * A chat template that cannot be read or that failed while it rendered.
 *
 * <p>{@link #reason()} is the bare complaint: for {@link Kind#RAISED} exactly what the template passed to
 * {@code raise_exception}. {@link #getMessage()} adds the place, {@code chat template:LINE:COLUMN: reason}, 1-based,
 * where it is known.
 */
public final class TemplateException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** What went wrong. */
    public enum Kind {
        /** The text is not a template. */
        SYNTAX,
        /** The template refused its input with {@code raise_exception}. */
        RAISED,
        /** An operation failed: a wrong type, an undefined value, a missing element. */
        FAILED,
        /** A bound on steps, depth or output was passed. */
        LIMIT
    }

    private final Kind kind;
    private final String reason;
    private final int line;
    private final int column;

    private TemplateException(Kind kind, String reason, int line, int column) {
        super(line == 0 || kind == Kind.RAISED ? reason : "chat template:" + line + ":" + column + ": " + reason);
        this.kind = kind;
        this.reason = reason;
        this.line = line;
        this.column = column;
    }

    /** The text at a place, both from 1, is not a template. */
    public static TemplateException syntax(int line, int column, String reason) {
        return new TemplateException(Kind.SYNTAX, reason, line, column);
    }

    /** The template refused its input, in the words it chose. */
    public static TemplateException raised(String reason) {
        return new TemplateException(Kind.RAISED, reason, 0, 0);
    }

    /** An operation failed. */
    public static TemplateException failed(String reason) {
        return new TemplateException(Kind.FAILED, reason, 0, 0);
    }

    /** A bound was passed. */
    public static TemplateException limit(String reason) {
        return new TemplateException(Kind.LIMIT, reason, 0, 0);
    }

    /** The same complaint, at a place if it has none yet. */
    public TemplateException at(int atLine, int atColumn) {
        if (line != 0) {
            return this;
        }
        var placed = new TemplateException(kind, reason, atLine, atColumn);
        placed.setStackTrace(getStackTrace());
        return placed;
    }

    /** What went wrong. */
    public Kind kind() {
        return kind;
    }

    /** The complaint without its place. */
    public String reason() {
        return reason;
    }

    /** The line in the template, from 1, or 0 if unknown. */
    public int line() {
        return line;
    }

    /** The column in the line, from 1, or 0 if unknown. */
    public int column() {
        return column;
    }
}
