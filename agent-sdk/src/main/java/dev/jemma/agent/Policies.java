package dev.jemma.agent;

import java.util.Objects;

/**
 * What an agent does about what goes wrong. The same whether tools run one after the other or side by side.
 *
 * <table><caption>Defaults</caption>
 * <tr><th>event</th><th>default</th><th>alternatives</th></tr>
 * <tr><td>unknown tool, or one not offered</td><td>the model is told, with the names there are, nearest first; counts
 * as a retry</td><td>throw</td></tr>
 * <tr><td>call malformed, or arguments invalid</td><td>the model is told path, value and wanted; counts as a
 * retry</td><td>throw</td></tr>
 * <tr><td>{@link Retry}, {@link ToolFailure}</td><td>the message goes to the model; only Retry counts as
 * one</td><td></td></tr>
 * <tr><td>any other exception</td><td>the model is told that it failed, with a number; the exception is in the
 * event</td><td>tell its message, or throw</td></tr>
 * <tr><td>Error, interrupt, cancellation</td><td>thrown at once</td><td></td></tr>
 * <tr><td>timeout</td><td>the call is interrupted and the model is told</td><td>throw</td></tr>
 * <tr><td>limit reached</td><td>one last turn without tools, the answer marked
 * {@link Answer.Status#LIMIT}</td><td>throw</td></tr>
 * <tr><td>the same call again</td><td>a tool that reads or is idempotent runs once, others again; an error after
 * {@link Limits#repeats}</td><td>off</td></tr>
 * <tr><td>result too long</td><td>shortened in the middle; whole in the event</td><td>throw</td></tr>
 * <tr><td>turn cut off or refused</td><td>nothing is run</td><td></td></tr>
 * </table>
 *
 * @param unknownTool about a name that is no tool
 * @param invalidCall about a malformed call or arguments that do not bind
 * @param exception about an exception of a tool
 * @param timeout about a call that takes too long
 * @param limit about a question that goes too far
 * @param repeat about the same call again
 * @param longResult about a result that is too long
 */
public record Policies(
        OnError unknownTool,
        OnError invalidCall,
        OnException exception,
        OnError timeout,
        OnLimit limit,
        OnRepeat repeat,
        OnLongResult longResult) {
    /** The defaults of the table. */
    public static final Policies DEFAULT = new Policies(
            OnError.TELL_MODEL,
            OnError.TELL_MODEL,
            OnException.TELL_NUMBER,
            OnError.TELL_MODEL,
            OnLimit.LAST_ANSWER,
            OnRepeat.DETECT,
            OnLongResult.SHORTEN);

    /** Everything that goes wrong is thrown. */
    public static final Policies THROW = new Policies(
            OnError.THROW,
            OnError.THROW,
            OnException.THROW,
            OnError.THROW,
            OnLimit.THROW,
            OnRepeat.DETECT,
            OnLongResult.THROW);

    public Policies {
        Objects.requireNonNull(unknownTool, "unknownTool");
        Objects.requireNonNull(invalidCall, "invalidCall");
        Objects.requireNonNull(exception, "exception");
        Objects.requireNonNull(timeout, "timeout");
        Objects.requireNonNull(limit, "limit");
        Objects.requireNonNull(repeat, "repeat");
        Objects.requireNonNull(longResult, "longResult");
    }

    /** About a call that cannot be run, or was stopped. */
    public enum OnError {
        /** The model is told, and may do better. */
        TELL_MODEL,
        /** The question ends with an {@link AgentException}. */
        THROW
    }

    /** About an exception of a tool that is no {@link ToolFailure}. */
    public enum OnException {
        /** The model is told a number under which the event and the log have the details: messages may hold secrets. */
        TELL_NUMBER,
        /** The model is told the message. */
        TELL_MESSAGE,
        /** The question ends with an {@link AgentException}. */
        THROW
    }

    /** About a limit. */
    public enum OnLimit {
        /** One last turn without tools. */
        LAST_ANSWER,
        /** The question ends with an {@link AgentException}. */
        THROW
    }

    /** About the same call again in one question. */
    public enum OnRepeat {
        /** Run once where that is safe, refused after a while. */
        DETECT,
        /** Every call runs. */
        OFF
    }

    /** About a long result. */
    public enum OnLongResult {
        /** Beginning and end, with a notice between. */
        SHORTEN,
        /** The question ends with an {@link AgentException}. */
        THROW
    }
}
