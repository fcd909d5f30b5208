package dev.jemma.agent.bind;

import dev.jemma.agent.Tool;
import dev.jemma.agent.bind.Coercion.Kind;
import dev.jemma.engine.toolcall.JsonText;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** What was found while one value was bound: coercions, and what does not bind. */
final class Findings {
    private static final int MAX_SHOWN = 60;

    private final Tool.Fit fit;
    private final List<Coercion> coercions = new ArrayList<>();
    private final List<BindProblem> problems = new ArrayList<>();

    Findings(Tool.Fit fit) {
        this.fit = fit;
    }

    List<Coercion> coercions() {
        return List.copyOf(coercions);
    }

    List<BindProblem> problems() {
        return List.copyOf(problems);
    }

    /** How many problems there are. */
    int count() {
        return problems.size();
    }

    /** Reports an entry that nothing asked for; {@code wanted} is what did. */
    void extra(String path, String wanted) {
        if (fit == Tool.Fit.STRICT) {
            problems.add(new BindProblem(path, path + " is not expected, wanted " + wanted));
        } else {
            coercions.add(new Coercion(path, Kind.EXTRA_IGNORED, "not expected, ignored"));
        }
    }

    /** Reports that {@code seen} is taken for {@code target}; false, and a problem, if none is allowed. */
    boolean coerce(String path, Kind kind, String seen, String target, String wanted) {
        if (fit == Tool.Fit.STRICT) {
            problem(path, seen, wanted);
            return false;
        }
        coercions.add(new Coercion(path, kind, seen + " to " + target));
        return true;
    }

    /** Reports what does not bind: path, what was seen, what is wanted. */
    @Nullable
    Object problem(String path, String seen, String wanted) {
        return problem(path, seen, wanted, ", wanted ", "");
    }

    /** The same with other words between and after. */
    @Nullable
    Object problem(String path, String seen, String wanted, String before, String after) {
        String what = path.isEmpty() ? "the value" : path;
        problems.add(new BindProblem(path, what + " is " + seen + before + wanted + after));
        return null;
    }

    /** A value for messages: its JSON, or the beginning of it. */
    static String shown(JsonNode value) {
        String text = value.isPojo() || value.isBinary() ? value.getNodeType().toString() : JsonText.of(value);
        return shortened(text);
    }

    /** A text for messages, or the beginning of it, no character cut in two. */
    static String shortened(String text) {
        if (text.length() <= MAX_SHOWN) {
            return text;
        }
        int end = Character.isHighSurrogate(text.charAt(MAX_SHOWN - 1)) ? MAX_SHOWN - 1 : MAX_SHOWN;
        return text.substring(0, end) + "...";
    }
}
