package dev.jemma.engine.template.value;

import dev.jemma.engine.api.TemplateException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntPredicate;
import java.util.function.UnaryOperator;

/** The methods of Python's str, on text whose characters keep their marks. */
public final class StringMethods {
    static final Map<String, Methods.Method<Text>> ALL = new HashMap<>();

    static {
        ALL.put("strip", (python, s, a) -> strip(s, a.given(0, "chars"), true, true));
        ALL.put("lstrip", (python, s, a) -> strip(s, a.given(0, "chars"), true, false));
        ALL.put("rstrip", (python, s, a) -> strip(s, a.given(0, "chars"), false, true));
        ALL.put("upper", (python, s, a) -> upper(python, s));
        ALL.put("lower", (python, s, a) -> lower(python, s));
        ALL.put(
                "casefold",
                (python, s, a) -> mapRuns(
                        python,
                        s,
                        t -> t.replace("ß", "ss").toUpperCase(Locale.ROOT).toLowerCase(Locale.ROOT)));
        ALL.put("swapcase", (python, s, a) -> mapCodePoints(python, s, StringMethods::swapCase));
        ALL.put("capitalize", (python, s, a) -> capitalize(python, s));
        ALL.put("title", (python, s, a) -> title(python, s));
        ALL.put("split", (python, s, a) -> split(python, s, a, false));
        ALL.put("rsplit", (python, s, a) -> split(python, s, a, true));
        ALL.put("splitlines", (python, s, a) -> Value.Sequence.list(lines(python, s, a.truth(0, "keepends", false))));
        ALL.put("partition", (python, s, a) -> partition(s, a.text("partition", 0, "sep"), false));
        ALL.put("rpartition", (python, s, a) -> partition(s, a.text("rpartition", 0, "sep"), true));
        ALL.put("join", (python, s, a) -> join(python, s, a.require("join", 0, "iterable")));
        ALL.put(
                "replace",
                (python, s, a) -> replace(
                        python,
                        s,
                        a.text("replace", 0, "old"),
                        a.text("replace", 1, "new"),
                        a.integer(2, "count", -1)));
        ALL.put("startswith", (python, s, a) -> Value.Bool.of(affix(python, s, a, "startswith", true)));
        ALL.put("endswith", (python, s, a) -> Value.Bool.of(affix(python, s, a, "endswith", false)));
        ALL.put(
                "removeprefix",
                (python, s, a) -> s.chars()
                                .startsWith(a.text("removeprefix", 0, "prefix").chars())
                        ? s.substring(a.text("removeprefix", 0, "prefix").length(), s.length())
                        : s);
        ALL.put(
                "removesuffix",
                (python, s, a) -> s.chars()
                                .endsWith(a.text("removesuffix", 0, "suffix").chars())
                        ? s.substring(
                                0,
                                s.length() - a.text("removesuffix", 0, "suffix").length())
                        : s);
        ALL.put("find", (python, s, a) -> Value.Int.of(find(python, s, a, "find", true)));
        ALL.put("rfind", (python, s, a) -> Value.Int.of(find(python, s, a, "rfind", false)));
        ALL.put("index", (python, s, a) -> Value.Int.of(found(find(python, s, a, "index", true))));
        ALL.put("rindex", (python, s, a) -> Value.Int.of(found(find(python, s, a, "rindex", false))));
        ALL.put("count", StringMethods::count);
        ALL.put("ljust", (python, s, a) -> just(python, s, a, '<'));
        ALL.put("rjust", (python, s, a) -> just(python, s, a, '>'));
        ALL.put("center", (python, s, a) -> center(python, s, a.integer(0, "width", 0), fill(a)));
        ALL.put("zfill", (python, s, a) -> Formatting.pad(python, s, a.integer(0, "width", 0), '=', '0'));
        ALL.put("expandtabs", (python, s, a) -> expandTabs(python, s, a.integer(0, "tabsize", 8)));
        ALL.put("format", (python, s, a) -> StringFormat.format(python, s, a));
        ALL.put(
                "format_map",
                (python, s, a) -> StringFormat.formatMap(python, s, a.require("format_map", 0, "mapping")));
        ALL.put("isalpha", (python, s, a) -> all(s, Character::isLetter));
        ALL.put(
                "isdigit",
                (python, s, a) -> all(
                        s,
                        c -> Character.isDigit(c)
                                || Character.getType(c) == Character.OTHER_NUMBER
                                        && Character.getNumericValue(c) >= 0
                                        && Character.getNumericValue(c) < 10));
        ALL.put("isdecimal", (python, s, a) -> all(s, Character::isDigit));
        ALL.put("isnumeric", (python, s, a) -> all(s, StringMethods::isNumeric));
        ALL.put("isalnum", (python, s, a) -> all(s, c -> Character.isLetter(c) || isNumeric(c)));
        ALL.put("isspace", (python, s, a) -> all(s, Python::isSpace));
        ALL.put("isascii", (python, s, a) -> Value.Bool.of(s.chars().chars().allMatch(c -> c < 128)));
        ALL.put(
                "isprintable",
                (python, s, a) -> Value.Bool.of(s.chars().codePoints().allMatch(Python::isPrintable)));
        ALL.put("islower", (python, s, a) -> Value.Bool.of(isLower(s.chars())));
        ALL.put("isupper", (python, s, a) -> Value.Bool.of(isUpper(s.chars())));
        ALL.put("istitle", (python, s, a) -> Value.Bool.of(isTitle(s.chars())));
        ALL.put("isidentifier", (python, s, a) -> Value.Bool.of(isIdentifier(s.chars())));
    }

    private StringMethods() {}

    private static boolean isNumeric(int c) {
        int type = Character.getType(c);
        return type == Character.DECIMAL_DIGIT_NUMBER
                || type == Character.LETTER_NUMBER
                || type == Character.OTHER_NUMBER;
    }

    public static boolean isLower(String text) {
        return text.codePoints().anyMatch(Character::isLowerCase)
                && text.codePoints().noneMatch(c -> Character.isUpperCase(c) || Character.isTitleCase(c));
    }

    public static boolean isUpper(String text) {
        return text.codePoints().anyMatch(Character::isUpperCase)
                && text.codePoints().noneMatch(c -> Character.isLowerCase(c) || Character.isTitleCase(c));
    }

    private static boolean isTitle(String text) {
        boolean cased = false;
        boolean inWord = false;
        for (int c : text.codePoints().toArray()) {
            boolean upper = Character.isUpperCase(c) || Character.isTitleCase(c);
            boolean lower = Character.isLowerCase(c);
            if (upper && inWord || lower && !inWord) {
                return false;
            }
            inWord = upper || lower;
            cased |= inWord;
        }
        return cased;
    }

    private static boolean isIdentifier(String text) {
        return !text.isEmpty()
                && (Character.isUnicodeIdentifierStart(text.codePointAt(0)) || text.charAt(0) == '_')
                && text.codePoints()
                        .allMatch(c -> Character.isUnicodeIdentifierPart(c) && !Character.isIdentifierIgnorable(c));
    }

    private static Value all(Text text, IntPredicate test) {
        return Value.Bool.of(!text.isEmpty() && text.chars().codePoints().allMatch(test));
    }

    public static Text strip(Text text, Optional<Value> characters, boolean left, boolean right) {
        IntPredicate stripped = Python::isSpace;
        if (characters.isPresent()) {
            String set = Arguments.asText("strip", characters.get()).chars();
            stripped = c -> set.indexOf(c) >= 0;
        }
        String chars = text.chars();
        int start = 0;
        int end = chars.length();
        while (left && start < end && stripped.test(chars.codePointAt(start))) {
            start += Character.charCount(chars.codePointAt(start));
        }
        while (right && end > start && stripped.test(chars.codePointBefore(end))) {
            end -= Character.charCount(chars.codePointBefore(end));
        }
        return text.substring(start, end);
    }

    /** Changes text run by run of equal marks. */
    private static Text mapRuns(Python python, Text text, UnaryOperator<String> change) {
        if (text.uniform()) {
            return marked(text, Text.of(change.apply(text.chars()), text.mark(0)));
        }
        var out = new Text.Builder(python.budget());
        for (int start = 0; start < text.length(); ) {
            int end = start + 1;
            while (end < text.length() && text.mark(end) == text.mark(start)) {
                end++;
            }
            out.append(change.apply(text.chars().substring(start, end)), text.mark(start));
            start = end;
        }
        return marked(text, out.build());
    }

    private static Text marked(Text original, Text changed) {
        return original.markup() ? changed.asMarkup() : changed;
    }

    private interface CodePointChange {
        String apply(int codePoint, int index);
    }

    private static Text mapCodePoints(Python python, Text text, CodePointChange change) {
        var out = new Text.Builder(python.budget());
        int index = 0;
        for (int i = 0; i < text.length(); index++) {
            int c = text.chars().codePointAt(i);
            out.append(change.apply(c, index), text.mark(i));
            i += Character.charCount(c);
        }
        return marked(text, out.build());
    }

    public static Text upper(Python python, Text text) {
        return mapRuns(python, text, t -> t.toUpperCase(Locale.ROOT));
    }

    public static Text lower(Python python, Text text) {
        return mapRuns(python, text, t -> t.toLowerCase(Locale.ROOT));
    }

    private static String swapCase(int c, int index) {
        String text = Character.toString(c);
        return Character.isUpperCase(c)
                ? text.toLowerCase(Locale.ROOT)
                : Character.isLowerCase(c) ? text.toUpperCase(Locale.ROOT) : text;
    }

    private static String titleCase(int c) {
        int title = Character.toTitleCase(c);
        String upper = Character.toString(c).toUpperCase(Locale.ROOT);
        if (title == c && upper.codePointCount(0, upper.length()) > 1) {
            int first = upper.codePointAt(0);
            return Character.toString(first)
                    + upper.substring(Character.charCount(first)).toLowerCase(Locale.ROOT);
        }
        return Character.toString(title);
    }

    public static Text capitalize(Python python, Text text) {
        if (text.isEmpty()) {
            return text;
        }
        int first = Character.charCount(text.chars().codePointAt(0));
        Text rest = lower(python, text.substring(first, text.length()));
        var out = new Text.Builder(python.budget());
        out.append(titleCase(text.chars().codePointAt(0)), text.mark(0)).append(rest);
        return marked(text, out.build());
    }

    private static Text title(Python python, Text text) {
        boolean[] inWord = {false};
        return mapCodePoints(python, text, (c, index) -> {
            boolean cased = Character.isLowerCase(c) || Character.isUpperCase(c) || Character.isTitleCase(c);
            String changed = inWord[0]
                    ? Character.toString(c).toLowerCase(Locale.ROOT)
                    : cased ? titleCase(c) : Character.toString(c);
            inWord[0] = cased;
            return changed;
        });
    }

    private static Value split(Python python, Text text, Arguments arguments, boolean fromRight) {
        arguments.only(fromRight ? "rsplit" : "split", "sep", "maxsplit");
        int most = arguments.integer(1, "maxsplit", -1);
        int limit = most < 0 ? Integer.MAX_VALUE : most;
        List<Value> parts = new ArrayList<>();
        Optional<Value> separator = arguments.given(0, "sep");
        if (separator.isPresent()) {
            String by = Arguments.asText("split", separator.get()).chars();
            if (by.isEmpty()) {
                throw TemplateException.failed("empty separator");
            }
            splitBy(text, by, limit, fromRight, parts);
        } else {
            splitAtSpace(text, limit, fromRight, parts);
        }
        python.budget().charge(parts.size());
        return Value.Sequence.list(parts);
    }

    private static void splitBy(Text text, String by, int limit, boolean fromRight, List<Value> parts) {
        String chars = text.chars();
        if (fromRight) {
            int end = chars.length();
            for (int i = lastIndex(chars, by, end); i >= 0 && parts.size() < limit; i = lastIndex(chars, by, end)) {
                parts.add(text.substring(i + by.length(), end));
                end = i;
            }
            parts.add(text.substring(0, end));
            java.util.Collections.reverse(parts);
            return;
        }
        int start = 0;
        for (int i = chars.indexOf(by); i >= 0 && parts.size() < limit; i = chars.indexOf(by, start)) {
            parts.add(text.substring(start, i));
            start = i + by.length();
        }
        parts.add(text.substring(start, chars.length()));
    }

    /** The last place before {@code end} where {@code by} fits wholly before {@code end}. */
    private static int lastIndex(String chars, String by, int end) {
        return end < by.length() ? -1 : chars.lastIndexOf(by, end - by.length());
    }

    private static void splitAtSpace(Text text, int limit, boolean fromRight, List<Value> parts) {
        Text rest = strip(text, Optional.empty(), !fromRight, fromRight);
        while (!rest.isEmpty()) {
            String chars = rest.chars();
            if (parts.size() >= limit) {
                parts.add(
                        strip(rest, Optional.empty(), fromRight, !fromRight).isEmpty()
                                ? rest
                                : trimFar(rest, fromRight));
                break;
            }
            if (fromRight) {
                int start = chars.length();
                while (start > 0 && !Python.isSpace(chars.charAt(start - 1))) {
                    start--;
                }
                parts.add(rest.substring(start, chars.length()));
                rest = strip(rest.substring(0, start), Optional.empty(), false, true);
            } else {
                int end = 0;
                while (end < chars.length() && !Python.isSpace(chars.charAt(end))) {
                    end++;
                }
                parts.add(rest.substring(0, end));
                rest = strip(rest.substring(end, chars.length()), Optional.empty(), true, false);
            }
        }
        if (fromRight) {
            java.util.Collections.reverse(parts);
        }
    }

    /** The last part of a limited split at white space: Python strips its far end too when splitting from the right. */
    private static Text trimFar(Text rest, boolean fromRight) {
        return fromRight ? strip(rest, Optional.empty(), false, true) : strip(rest, Optional.empty(), true, false);
    }

    /** {@code splitlines}: a last line that is empty does not count. */
    public static List<Value> lines(Python python, Text text, boolean keepEnds) {
        List<Value> lines = new ArrayList<>();
        String chars = text.chars();
        for (int start = 0; start < chars.length(); ) {
            int end = start;
            while (end < chars.length() && !isLineBreak(chars.charAt(end))) {
                end++;
            }
            int next = end + (chars.startsWith("\r\n", end) ? 2 : end < chars.length() ? 1 : 0);
            lines.add(text.substring(start, keepEnds ? next : end));
            start = next;
        }
        python.budget().charge(lines.size());
        return lines;
    }

    public static boolean isLineBreak(char c) {
        return c >= '\n' && c <= '\r' || c >= 0x1c && c <= 0x1e || c == 0x85 || c == 0x2028 || c == 0x2029;
    }

    private static Value partition(Text text, Text separator, boolean last) {
        if (separator.isEmpty()) {
            throw TemplateException.failed("empty separator");
        }
        int at = last
                ? text.chars().lastIndexOf(separator.chars())
                : text.chars().indexOf(separator.chars());
        if (at < 0) {
            return last
                    ? Value.Sequence.tuple(Text.EMPTY, Text.EMPTY, text)
                    : Value.Sequence.tuple(text, Text.EMPTY, Text.EMPTY);
        }
        int after = at + separator.length();
        return Value.Sequence.tuple(
                text.substring(0, at), text.substring(at, after), text.substring(after, text.length()));
    }

    private static Text join(Python python, Text separator, Value items) {
        var out = new Text.Builder(python.budget());
        int index = 0;
        for (Value item : python.list(items)) {
            if (!(item instanceof Text text)) {
                throw TemplateException.failed(
                        "sequence item " + index + ": expected str instance, " + Python.typeName(item) + " found");
            }
            if (index++ > 0) {
                out.append(separator);
            }
            out.append(text);
        }
        return out.build();
    }

    /** Replaces up to {@code count} occurrences (all if negative); the new text has the marks of the replacement. */
    public static Text replace(Python python, Text text, Text old, Text with, int count) {
        int left = count < 0 ? Integer.MAX_VALUE : count;
        var out = new Text.Builder(python.budget());
        String chars = text.chars();
        if (old.isEmpty()) {
            int at = 0;
            for (; left > 0 && at < chars.length(); left--) {
                int next = at + Character.charCount(chars.codePointAt(at));
                out.append(with).append(text.substring(at, next));
                at = next;
            }
            out.append(text.substring(at, chars.length()));
            return left > 0 ? out.append(with).build() : out.build();
        }
        int start = 0;
        for (int i = chars.indexOf(old.chars()); i >= 0 && left > 0; left--) {
            out.append(text.substring(start, i)).append(with);
            start = i + old.length();
            i = chars.indexOf(old.chars(), start);
        }
        return start == 0 && out.length() == 0 && !chars.startsWith(old.chars())
                ? text.asPlain()
                : out.append(text.substring(start, chars.length())).build();
    }

    private static boolean affix(Python python, Text text, Arguments arguments, String function, boolean start) {
        Value affix = arguments.require(function, 0, "prefix");
        Text part = (Text) range(python, text, arguments);
        if (affix instanceof Value.Sequence tuple && tuple.kind() == Value.Sequence.Kind.TUPLE) {
            return tuple.items().stream().anyMatch(item -> fits(part, item, function, start));
        }
        return fits(part, affix, function, start);
    }

    private static boolean fits(Text text, Value affix, String function, boolean start) {
        Python.failIfUndefined(affix);
        if (!(affix instanceof Text part)) {
            throw TemplateException.failed(
                    function + " first arg must be str or a tuple of str, not " + Python.typeName(affix));
        }
        return start ? text.chars().startsWith(part.chars()) : text.chars().endsWith(part.chars());
    }

    /** The part of the text that the arguments start and end choose. */
    private static Value range(Python python, Text text, Arguments arguments) {
        return python.access()
                .slice(
                        text,
                        arguments.get(1, "start").orElse(Value.Null.NONE),
                        arguments.get(2, "end").orElse(Value.Null.NONE),
                        Value.Null.NONE);
    }

    private static int find(Python python, Text text, Arguments arguments, String function, boolean first) {
        String part = arguments.text(function, 0, "sub").chars();
        Text searched = (Text) range(python, text, arguments);
        int at = first ? searched.chars().indexOf(part) : searched.chars().lastIndexOf(part);
        if (at < 0) {
            return -1;
        }
        int size = text.codePoints();
        int start = arguments.integer(1, "start", 0);
        int from = Math.min(size, Math.max(0, start < 0 ? start + size : start));
        if (arguments.integer(1, "start", 0) > size) {
            return -1;
        }
        return from + searched.chars().codePointCount(0, at);
    }

    private static int found(int at) {
        if (at < 0) {
            throw TemplateException.failed("substring not found");
        }
        return at;
    }

    private static Value count(Python python, Text text, Arguments arguments) {
        String part = arguments.text("count", 0, "sub").chars();
        String searched = ((Text) range(python, text, arguments)).chars();
        if (part.isEmpty()) {
            return Value.Int.of(searched.codePointCount(0, searched.length()) + 1);
        }
        long n = 0;
        for (int i = searched.indexOf(part); i >= 0; i = searched.indexOf(part, i + part.length())) {
            n++;
        }
        return Value.Int.of(n);
    }

    private static int fill(Arguments arguments) {
        if (arguments.get(1, "fillchar").isEmpty()) {
            return ' ';
        }
        Text fill = arguments.text("center", 1, "fillchar");
        if (fill.codePoints() != 1) {
            throw TemplateException.failed("The fill character must be exactly one character long");
        }
        return fill.chars().codePointAt(0);
    }

    private static Text just(Python python, Text text, Arguments arguments, char align) {
        return Formatting.pad(python, text, arguments.integer(0, "width", 0), align, fill(arguments));
    }

    /** CPython puts the odd space to the left where the width is odd too. */
    public static Text center(Python python, Text text, int width, int fill) {
        int missing = width - text.codePoints();
        if (missing <= 0) {
            return text;
        }
        int left = missing / 2 + (missing & width & 1);
        Text leftPadded = Formatting.pad(python, text, text.codePoints() + left, '>', fill);
        return Formatting.pad(python, leftPadded, width, '<', fill);
    }

    private static Text expandTabs(Python python, Text text, int size) {
        if (size > 1000) {
            throw TemplateException.limit("expandtabs with a tab of " + size + " columns");
        }
        int[] column = {0};
        return mapCodePoints(python, text, (c, index) -> {
            if (c == '\t') {
                int spaces = size <= 0 ? 0 : size - column[0] % size;
                column[0] += spaces;
                return " ".repeat(spaces);
            }
            column[0] = c == '\n' || c == '\r' ? 0 : column[0] + 1;
            return Character.toString(c);
        });
    }
}
