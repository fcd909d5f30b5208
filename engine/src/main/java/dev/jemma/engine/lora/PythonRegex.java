package dev.jemma.engine.lora;

import dev.jemma.engine.api.FormatException;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * A regular expression of Python's {@code re} from an adapter's config, matched against whole module names. Adapters
 * are downloads: a pattern that backtracks without end is refused after a bounded number of steps.
 */
final class PythonRegex {
    private static final int MAX_LENGTH = 100_000;
    private static final long MAX_STEPS = 2_000_000;

    private final String source;
    private final Pattern pattern;

    private PythonRegex(String source, Pattern pattern) {
        this.source = source;
        this.pattern = pattern;
    }

    /**
     * Compiles a Python pattern.
     *
     * @throws FormatException if it is none, or uses what only Python has
     */
    static PythonRegex compile(String source) {
        if (source.length() > MAX_LENGTH) {
            throw new FormatException(
                    "regular expression of " + source.length() + " characters, wanted at most " + MAX_LENGTH);
        }
        try {
            return new PythonRegex(source, Pattern.compile(toJava(source)));
        } catch (PatternSyntaxException e) {
            throw new FormatException("\"" + source + "\" is no regular expression: " + e.getDescription(), e);
        } catch (StackOverflowError e) {
            // the JDK's compiler recurses into groups; thousands of nested ones are an attack, not a module name
            throw new FormatException(
                    "regular expression of " + source.length() + " characters is nested too deeply", e);
        }
    }

    /** As {@code re.fullmatch}. */
    boolean matches(String text) {
        return run(text, Matcher::matches).isPresent();
    }

    /**
     * The group {@code name} of {@code re.match}, which looks at the start of the text only; empty if either has no
     * match.
     */
    Optional<String> groupAtStart(String text, String name) {
        return run(text, Matcher::lookingAt).map(match -> match.group(name));
    }

    private Optional<Matcher> run(String text, Predicate<Matcher> how) {
        try {
            Matcher matcher = pattern.matcher(new Counted(text, 0, text.length(), new long[] {MAX_STEPS}));
            return how.test(matcher) ? Optional.of(matcher) : Optional.empty();
        } catch (StackOverflowError e) {
            throw new FormatException("\"" + source + "\" is nested too deeply to match " + text, e);
        }
    }

    /** Java reads {@code [} and {@code &&} inside a character class as set operations, and names groups without a P. */
    private static String toJava(String python) {
        StringBuilder java = new StringBuilder(python.length() + 16);
        boolean inClass = false;
        for (int i = 0; i < python.length(); i++) {
            char c = python.charAt(i);
            if (c == '\\' && i + 1 < python.length()) {
                char next = python.charAt(++i);
                java.append(next == 'Z' ? "\\z" : "\\" + next);
            } else if (inClass) {
                inClass = c != ']' || python.charAt(i - 1) == '[' || python.startsWith("[^", i - 2);
                java.append(c == '[' || c == '&' ? "\\" + c : String.valueOf(c));
            } else if (python.startsWith("(?P<", i)) {
                java.append("(?<");
                i += 3;
            } else if (python.startsWith("(?P=", i) && python.indexOf(')', i) > 0) {
                int end = python.indexOf(')', i);
                java.append("\\k<").append(python, i + 4, end).append('>');
                i = end;
            } else {
                inClass = c == '[';
                java.append(c);
            }
        }
        return java.toString();
    }

    /** Text that counts how often the matcher looks at it. */
    private record Counted(String text, int start, int end, long[] left) implements CharSequence {
        @Override
        public int length() {
            return end - start;
        }

        @Override
        public char charAt(int index) {
            if (--left[0] < 0) {
                throw new FormatException("a regular expression took more than " + MAX_STEPS
                        + " steps on the module name " + text + "; simplify it");
            }
            return text.charAt(start + index);
        }

        @Override
        public CharSequence subSequence(int from, int to) {
            return new Counted(text, start + from, start + to, left);
        }

        @Override
        public String toString() {
            return text.substring(start, end);
        }
    }
}
