package dev.jemma.agent.bind;

import dev.jemma.engine.api.ToolCall;
import dev.jemma.engine.api.ToolSpec;
import dev.jemma.engine.toolcall.AppliedRepair;
import dev.jemma.engine.toolcall.CallEvent;
import dev.jemma.engine.toolcall.ParsedReply;
import dev.jemma.engine.toolcall.ToolCallFormat;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Binds calls to the methods of Java objects; needs no model. Immutable, safe for threads.
 *
 * {@snippet :
 * for (Binding binding : ToolBinder.of(new Home()).bind(text)) {
 *     Object result = binding.orThrow().invoke();
 * }
 * }
 */
public final class ToolBinder {
    private final Map<String, ToolMethod> tools;

    private ToolBinder(Map<String, ToolMethod> tools) {
        this.tools = Collections.unmodifiableMap(tools);
    }

    /**
     * The tools of several objects; a Class stands for its static methods.
     *
     * @throws IllegalArgumentException if an object has no tools, a method cannot be one, or two have the same name
     */
    public static ToolBinder of(Object... objects) {
        List<ToolMethod> tools = new ArrayList<>();
        for (Object object : objects) {
            tools.addAll(ToolFinder.find(object));
        }
        return of(tools);
    }

    /** These tools; two with the same name are refused. */
    public static ToolBinder of(List<ToolMethod> tools) {
        Map<String, ToolMethod> byName = new LinkedHashMap<>();
        for (ToolMethod tool : tools) {
            ToolMethod other = byName.put(tool.name(), tool);
            if (other != null) {
                throw new IllegalArgumentException("two tools are called '" + tool.name() + "': " + other.origin()
                        + " and " + tool.origin() + "; give one another name with @Tool(name = \"...\")");
            }
        }
        return new ToolBinder(byName);
    }

    /** All tools. */
    public List<ToolMethod> tools() {
        return List.copyOf(tools.values());
    }

    /** What a model is told about them. */
    public List<ToolSpec> specs() {
        return tools.values().stream().map(ToolMethod::spec).toList();
    }

    /** The tool of this name. */
    public Optional<ToolMethod> tool(String name) {
        return Optional.ofNullable(tools.get(name));
    }

    /** Binds the calls in a text, in the format whose opening marker occurs in it (Hermes if none does). */
    public List<Binding> bind(String text) {
        ToolCallFormat format = ToolCallFormat.all().stream()
                .filter(each -> text.contains(each.opening()))
                .findFirst()
                .orElse(ToolCallFormat.named("hermes"));
        return bind(format.parse(text));
    }

    /** Binds the calls of an answer, in order; what is no call becomes a rejection. */
    public List<Binding> bind(ParsedReply reply) {
        List<Binding> bindings = new ArrayList<>();
        for (CallEvent event : reply.events()) {
            switch (event) {
                case CallEvent.Completed completed -> bindings.add(bind(completed.call(), completed.repairs()));
                case CallEvent.Malformed malformed ->
                    bindings.add(new Binding.Rejection(
                            Binding.Reason.MALFORMED,
                            Optional.empty(),
                            List.of(new BindProblem("", malformed.error().toString())),
                            List.of()));
                case CallEvent.Text text -> {}
                case CallEvent.Started started -> {}
            }
        }
        return bindings;
    }

    /** Binds one call. */
    public Binding bind(ToolCall call, List<AppliedRepair> repairs) {
        ToolMethod tool = tools.get(call.name());
        if (tool != null) {
            return tool.bind(call, repairs);
        }
        String names =
                tools.isEmpty() ? "there are no tools" : "the tools are " + String.join(", ", nearest(call.name()));
        return new Binding.Rejection(
                Binding.Reason.UNKNOWN_TOOL,
                Optional.of(call),
                List.of(new BindProblem("", "there is no tool '" + Findings.shortened(call.name()) + "'; " + names)),
                repairs);
    }

    /** All names, those that differ least from {@code name} first. */
    private List<String> nearest(String name) {
        return tools.keySet().stream()
                .sorted(Comparator.comparingInt((String each) -> distance(name, each))
                        .thenComparing(Comparator.naturalOrder()))
                .toList();
    }

    /** Levenshtein's distance, of at most the first 100 chars. */
    private static int distance(String a, String b) {
        int length = Math.min(a.length(), 100);
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= length; i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int replaced = diagonal
                        + (Character.toLowerCase(a.charAt(i - 1)) == Character.toLowerCase(b.charAt(j - 1)) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.length()];
    }
}
