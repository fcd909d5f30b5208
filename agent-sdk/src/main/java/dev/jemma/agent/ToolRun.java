package dev.jemma.agent;

import dev.jemma.agent.bind.Binding;
import dev.jemma.agent.bind.Invocation;
import dev.jemma.agent.bind.ToolMethod;
import dev.jemma.engine.api.ToolCall;
import dev.jemma.engine.chat.Message;
import dev.jemma.engine.toolcall.CallEvent;
import dev.jemma.engine.toolcall.JsonText;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeoutException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Runs the calls of one question by the agent's policies, and keeps count of what limits speak of. */
final class ToolRun {
    private static final System.Logger LOG = System.getLogger("dev.jemma.agent");
    /** Retries of names that are no tools, and of what is no call, are counted under names that no tool can have. */
    private static final String UNKNOWN = "unknown tools";

    private static final String MALFORMED = "malformed calls";

    private final AgentSettings settings;
    private final Cancellation cancellation;
    private final Map<String, Integer> wrong = new HashMap<>();
    private final Map<String, Integer> seen = new HashMap<>();
    private final Map<String, Remembered> results = new HashMap<>();
    /** Calls that need not run twice and whose outcome is still open, with the changes at their start. */
    private final Map<String, Integer> open = new HashMap<>();

    private final Map<String, ToolOutcome> latest = new HashMap<>();
    private int runs;
    /** How often something may have been changed so far: a result is good until the next change. */
    private int changes;

    private Optional<String> limit = Optional.empty();

    ToolRun(AgentSettings settings, Cancellation cancellation) {
        this.settings = settings;
        this.cancellation = cancellation;
    }

    private record Remembered(int changes, ToolOutcome.Success outcome) {}

    /** A call on its way. */
    private sealed interface Pending {
        String id();

        ToolCall call();
    }

    private record Decided(String id, ToolCall call, ToolOutcome outcome) implements Pending {}

    /** @param changes as they were when it started */
    private record Running(String id, ToolCall call, ToolMethod tool, ToolTask task, int changes) implements Pending {}

    /** The same as a call of this turn that still runs, and need not run twice. */
    private record Twin(String id, ToolCall call) implements Pending {}

    /** How many tools ran. */
    int runs() {
        return runs;
    }

    /** The limit that was reached, if one was. */
    Optional<String> limit() {
        return limit;
    }

    /**
     * Answers the calls of a turn.
     *
     * @param issued the calls that could be read, with their ids, in order
     * @return a result for each of them
     * @throws AgentException by policy
     * @throws CancellationException if the question was cancelled or the thread interrupted
     */
    List<Message.ToolResult> answer(
            List<CallEvent.Completed> calls, List<Message.IssuedCall> issued, Transcript transcript) {
        List<Pending> pending = new ArrayList<>();
        List<Message.ToolResult> answered = new ArrayList<>();
        try {
            for (int i = 0; i < calls.size(); i++) {
                pending.add(start(calls.get(i), issued.get(i).id(), transcript));
                if (settings.order() == ToolOrder.SEQUENTIAL) {
                    answered.add(finish(pending.getLast(), transcript));
                }
            }
            for (int i = answered.size(); i < pending.size(); i++) {
                answered.add(finish(pending.get(i), transcript));
            }
            return answered;
        } finally {
            for (Pending each : pending) {
                if (each instanceof Running running) {
                    running.task().abandon();
                }
            }
        }
    }

    /** What the model is told about what it wrote in place of a call. */
    String answer(CallEvent.Malformed malformed, Transcript transcript) {
        settings.listener().accept(new AgentEvent.CallMalformed(malformed.error(), malformed.raw()));
        if (settings.policies().invalidCall() == Policies.OnError.THROW) {
            throw transcript.exception(
                    AgentException.Reason.INVALID_CALL, "the model wrote no well-formed call: " + malformed.error());
        }
        countWrong(MALFORMED);
        return "A call of yours could not be read: " + malformed.error() + ". Nothing was run for it.";
    }

    private Pending start(CallEvent.Completed completed, String id, Transcript transcript) {
        cancellation.check();
        ToolCall call = completed.call();
        if (limit.isPresent()) {
            return new Decided(
                    id, call, failure(ToolOutcome.Kind.LIMIT, "not run: the limit of " + limit.get() + " is reached"));
        }
        return switch (settings.tools().bind(call, completed.repairs())) {
            case Binding.Rejection rejection -> new Decided(id, call, reject(rejection, transcript));
            case Invocation invocation -> start(invocation, id);
        };
    }

    private ToolOutcome reject(Binding.Rejection rejection, Transcript transcript) {
        boolean unknown = rejection.reason() == Binding.Reason.UNKNOWN_TOOL;
        Policies.OnError policy = unknown
                ? settings.policies().unknownTool()
                : settings.policies().invalidCall();
        if (policy == Policies.OnError.THROW) {
            throw transcript.exception(
                    unknown ? AgentException.Reason.UNKNOWN_TOOL : AgentException.Reason.INVALID_CALL,
                    rejection.message());
        }
        countWrong(unknown ? UNKNOWN : rejection.call().map(ToolCall::name).orElse(MALFORMED));
        return failure(
                unknown ? ToolOutcome.Kind.UNKNOWN_TOOL : ToolOutcome.Kind.INVALID_ARGUMENTS, rejection.message());
    }

    private Pending start(Invocation invocation, String id) {
        ToolMethod tool = invocation.tool();
        ToolCall call = invocation.call();
        if (settings.policies().repeat() == Policies.OnRepeat.DETECT) {
            int times = seen.merge(key(call), 1, Integer::sum);
            if (times > 1 + settings.limits().repeats()) {
                return new Decided(
                        id,
                        call,
                        failure(
                                ToolOutcome.Kind.REPEATED,
                                "this very call was made " + (times - 1)
                                        + " times already; use its result, or change the arguments"));
            }
            Remembered before = results.get(key(call));
            if (Integer.valueOf(changes).equals(open.get(key(call)))) {
                return new Twin(id, call);
            }
            if (before != null && before.changes() == changes) {
                return new Decided(id, call, reused(before.outcome()));
            }
        }
        if (runs >= settings.limits().toolCalls()) {
            limit = Optional.of(settings.limits().toolCalls() + " tool calls");
            return new Decided(
                    id, call, failure(ToolOutcome.Kind.LIMIT, "not run: the limit of " + limit.get() + " is reached"));
        }
        if (settings.approval().decide(invocation) instanceof Approval.Decision.Deny deny) {
            return new Decided(id, call, failure(ToolOutcome.Kind.DENIED, "denied: " + deny.reason()));
        }
        cancellation.check();
        runs++;
        if (tool.effect() != Tool.Effect.READS) {
            changes++;
        }
        settings.listener().accept(new AgentEvent.ToolStarted(id, call, invocation.coercions(), invocation.repairs()));
        if (needsNoSecondRun(tool)) {
            open.put(key(call), changes);
        }
        Duration timeout = tool.timeout().orElse(settings.limits().toolTimeout());
        return new Running(id, call, tool, new ToolTask(invocation, timeout, cancellation), changes);
    }

    private static boolean needsNoSecondRun(ToolMethod tool) {
        return tool.effect() == Tool.Effect.READS || tool.effect() == Tool.Effect.IDEMPOTENT;
    }

    private Message.ToolResult finish(Pending pending, Transcript transcript) {
        ToolOutcome outcome = switch (pending) {
            case Decided decided -> decided.outcome();
            case Running running -> await(running, transcript);
            case Twin twin -> reused(Objects.requireNonNull(latest.get(key(twin.call()))));
        };
        Duration time = pending instanceof Running running ? running.task().elapsed() : Duration.ZERO;
        settings.listener().accept(new AgentEvent.ToolFinished(pending.id(), pending.call(), outcome, time));
        return new Message.ToolResult(pending.id(), pending.call().name(), outcome.shown());
    }

    private static ToolOutcome reused(ToolOutcome outcome) {
        return outcome instanceof ToolOutcome.Success success
                ? new ToolOutcome.Success(success.value(), success.shown(), ToolOutcome.Origin.REUSED)
                : outcome;
    }

    private ToolOutcome await(Running running, Transcript transcript) {
        String key = key(running.call());
        ToolOutcome outcome = await(running.task(), running.tool(), transcript);
        open.remove(key);
        latest.put(key, outcome);
        if (outcome instanceof ToolOutcome.Success success && needsNoSecondRun(running.tool())) {
            results.put(key, new Remembered(running.changes(), success));
        }
        return outcome;
    }

    private ToolOutcome await(ToolTask task, ToolMethod tool, Transcript transcript) {
        try {
            return success(task.await(), tool, transcript);
        } catch (AgentException | CancellationException | Error e) {
            throw e;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted while '" + tool.name() + "' ran");
        } catch (TimeoutException e) {
            return timeout(tool, transcript);
        } catch (Retry e) {
            countWrong(tool.name());
            return failure(ToolOutcome.Kind.RETRY, String.valueOf(e.getMessage()), e);
        } catch (ToolFailure e) {
            return failure(ToolOutcome.Kind.FAILED, String.valueOf(e.getMessage()), e);
        } catch (Exception e) {
            return exception(tool, e, transcript);
        }
    }

    private ToolOutcome timeout(ToolMethod tool, Transcript transcript) {
        Duration timeout = tool.timeout().orElse(settings.limits().toolTimeout());
        String message = "'" + tool.name() + "' timed out after " + timeout.toMillis() / 1000.0 + " s";
        if (settings.policies().timeout() == Policies.OnError.THROW) {
            throw transcript.exception(AgentException.Reason.TIMEOUT, message);
        }
        return failure(ToolOutcome.Kind.TIMEOUT, message);
    }

    private ToolOutcome exception(ToolMethod tool, Throwable cause, Transcript transcript) {
        String number = UUID.randomUUID().toString().substring(0, 8);
        LOG.log(System.Logger.Level.DEBUG, () -> "tool call " + number + ": " + tool.origin() + " failed", cause);
        return switch (settings.policies().exception()) {
            case TELL_NUMBER ->
                failure(ToolOutcome.Kind.EXCEPTION, "'" + tool.name() + "' failed (number " + number + ")", cause);
            case TELL_MESSAGE -> failure(ToolOutcome.Kind.EXCEPTION, "'" + tool.name() + "' failed: " + cause, cause);
            case THROW ->
                throw transcript.exception(
                        AgentException.Reason.TOOL_EXCEPTION, tool.origin() + " failed: " + cause, cause);
        };
    }

    private ToolOutcome.Success success(JsonNode value, ToolMethod tool, Transcript transcript) {
        String text = value.isString() ? value.stringValue() : JsonText.of(value);
        int most = settings.limits().resultChars();
        if (text.length() <= most) {
            return new ToolOutcome.Success(value, value, ToolOutcome.Origin.RUN);
        }
        if (settings.policies().longResult() == Policies.OnLongResult.THROW) {
            throw transcript.exception(
                    AgentException.Reason.LONG_RESULT,
                    "'" + tool.name() + "' returned " + text.length() + " characters, wanted at most " + most);
        }
        return new ToolOutcome.Success(
                value, JsonNodeFactory.instance.stringNode(shorten(text, most)), ToolOutcome.Origin.RUN);
    }

    /** Two thirds from the beginning, one from the end, no character cut in two. */
    private static String shorten(String text, int most) {
        int head = most * 2 / 3;
        int tail = text.length() - (most - head);
        head -= Character.isHighSurrogate(text.charAt(head - 1)) ? 1 : 0;
        tail += Character.isLowSurrogate(text.charAt(tail)) ? 1 : 0;
        return text.substring(0, head) + "\n[" + (tail - head) + " characters left out]\n" + text.substring(tail);
    }

    private void countWrong(String name) {
        if (wrong.merge(name, 1, Integer::sum) > settings.limits().retries() && limit.isEmpty()) {
            limit = Optional.of(settings.limits().retries() + " retries of " + name);
        }
    }

    private static ToolOutcome failure(ToolOutcome.Kind kind, String message) {
        return new ToolOutcome.Failure(kind, error(message), Optional.empty());
    }

    private static ToolOutcome failure(ToolOutcome.Kind kind, String message, Throwable cause) {
        return new ToolOutcome.Failure(kind, error(message), Optional.of(cause));
    }

    private static ObjectNode error(String message) {
        return JsonNodeFactory.instance.objectNode().put("error", message);
    }

    /** Name and arguments, the same whatever the order of keys. */
    private static String key(ToolCall call) {
        return call.name() + " " + JsonText.of(sorted(call.arguments()));
    }

    private static JsonNode sorted(JsonNode value) {
        if (value.isArray()) {
            var items = JsonNodeFactory.instance.arrayNode();
            value.forEach(item -> items.add(sorted(item)));
            return items;
        }
        if (!value.isObject()) {
            return value;
        }
        Map<String, JsonNode> entries = new TreeMap<>();
        value.properties().forEach(entry -> entries.put(entry.getKey(), sorted(entry.getValue())));
        ObjectNode object = JsonNodeFactory.instance.objectNode();
        entries.forEach(object::set);
        return object;
    }
}
