package dev.jemma.agent;

import dev.jemma.agent.bind.Invocation;
import dev.jemma.agent.bind.ResultWriter;
import dev.jemma.engine.api.ToolCall;
import java.time.Duration;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;

/**
 * One call on a virtual thread of its own. A tool that ignores its interrupt goes on in that thread, unheeded; nothing
 * can end it.
 */
final class ToolTask {
    private final ToolCall call;
    private final Duration timeout;
    private final long started = System.nanoTime();
    private final CompletableFuture<JsonNode> result = new CompletableFuture<>();
    private final Thread thread;
    private final Cancellation.Registration registration;

    ToolTask(Invocation invocation, Duration timeout, Cancellation cancellation) {
        this.call = invocation.call();
        this.timeout = timeout;
        this.thread = Thread.ofVirtual().name("tool-" + call.name()).unstarted(() -> run(invocation));
        this.registration = cancellation.onCancel(this::cancel);
        thread.start();
    }

    private void run(Invocation invocation) {
        try {
            Object value = arrived(invocation.invoke());
            JsonNode json = value == null && invocation.tool().returnsNothing()
                    ? JsonNodeFactory.instance.stringNode("done")
                    : ResultWriter.write(value);
            result.complete(json);
        } catch (Throwable e) {
            result.completeExceptionally(e);
        }
    }

    /** What a future holds, waited for; anything else itself. */
    private static @Nullable Object arrived(@Nullable Object value) throws Exception {
        Future<?> future = value instanceof CompletionStage<?> stage
                ? stage.toCompletableFuture()
                : value instanceof Future<?> plain ? plain : null;
        if (future == null) {
            return value;
        }
        try {
            return arrived(future.get());
        } catch (ExecutionException e) {
            throw thrown(e);
        }
    }

    private void cancel() {
        result.completeExceptionally(new CancellationException("the question was cancelled"));
        thread.interrupt();
    }

    /** Interrupts it if it still runs; its result no longer matters. */
    void abandon() {
        registration.close();
        if (!result.isDone()) {
            thread.interrupt();
        }
    }

    /** What a future's exception is about; throws it if it is an error. */
    private static Exception thrown(ExecutionException e) {
        return switch (e.getCause()) {
            case Error error -> throw error;
            case Exception exception -> exception;
            case null, default -> e;
        };
    }

    Duration elapsed() {
        return Duration.ofNanos(System.nanoTime() - started);
    }

    /**
     * Waits for the result.
     *
     * @throws TimeoutException if the call takes longer than it may; it has been interrupted
     * @throws InterruptedException if the waiting thread was interrupted
     * @throws Exception what the tool threw; its errors come out as they are, or CancellationException
     */
    JsonNode await() throws Exception {
        try {
            return result.get(Math.max(0, timeout.toNanos() - elapsed().toNanos()), TimeUnit.NANOSECONDS);
        } catch (ExecutionException e) {
            throw thrown(e);
        } finally {
            abandon();
        }
    }
}
