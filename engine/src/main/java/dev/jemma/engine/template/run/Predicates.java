package dev.jemma.engine.template.run;

import dev.jemma.engine.api.TemplateException;
import dev.jemma.engine.template.value.Arguments;
import dev.jemma.engine.template.value.BinaryOperator;
import dev.jemma.engine.template.value.Python;
import dev.jemma.engine.template.value.StringMethods;
import dev.jemma.engine.template.value.Text;
import dev.jemma.engine.template.value.Value;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** Jinja's tests, what stands behind {@code is}. */
final class Predicates {
    /** One of them. */
    interface Predicate {
        boolean apply(Python python, Value subject, Arguments arguments);
    }

    private static final Map<String, Predicate> ALL = new HashMap<>();

    static {
        ALL.put("defined", (python, v, a) -> !(v instanceof Value.Undefined));
        ALL.put("undefined", (python, v, a) -> v instanceof Value.Undefined);
        ALL.put("none", (python, v, a) -> v == Value.Null.NONE);
        ALL.put("boolean", (python, v, a) -> v instanceof Value.Bool);
        ALL.put("true", (python, v, a) -> v == Value.Bool.TRUE);
        ALL.put("false", (python, v, a) -> v == Value.Bool.FALSE);
        ALL.put("integer", (python, v, a) -> v instanceof Value.Int);
        ALL.put("float", (python, v, a) -> v instanceof Value.Real);
        ALL.put("number", (python, v, a) -> Python.isNumber(v));
        ALL.put("string", (python, v, a) -> v instanceof Text);
        ALL.put("mapping", (python, v, a) -> v instanceof Value.Dict);
        ALL.put(
                "sequence",
                (python, v, a) -> v instanceof Text
                        || v instanceof Value.Sequence
                        || v instanceof Value.Range
                        || v instanceof Value.Dict
                        || v instanceof Value.Undefined);
        ALL.put("iterable", (python, v, a) -> Python.iterable(v));
        ALL.put("callable", (python, v, a) -> v instanceof Value.Function || v instanceof Value.Undefined);
        ALL.put("escaped", (python, v, a) -> v instanceof Text text && text.markup());
        ALL.put("lower", (python, v, a) -> StringMethods.isLower(python.str(v).chars()));
        ALL.put("upper", (python, v, a) -> StringMethods.isUpper(python.str(v).chars()));
        ALL.put("odd", (python, v, a) -> remainder(python, v, Value.Int.of(2), Value.Int.of(1)));
        ALL.put("even", (python, v, a) -> remainder(python, v, Value.Int.of(2), Value.Int.of(0)));
        ALL.put(
                "divisibleby",
                (python, v, a) -> remainder(python, v, a.require("divisibleby", 0, "num"), Value.Int.of(0)));
        ALL.put("sameas", (python, v, a) -> same(v, a.require("sameas", 0, "other")));
        ALL.put("in", (python, v, a) -> python.arithmetic().contains(a.require("in", 0, "seq"), v));
        ALL.put(
                "filter",
                (python, v, a) -> v instanceof Text text && Filters.names().contains(text.chars()));
        ALL.put("test", (python, v, a) -> v instanceof Text text && ALL.containsKey(text.chars()));
        for (String name : new String[] {"==", "eq", "equalto"}) {
            ALL.put(name, (python, v, a) -> python.equal(v, other(a)));
        }
        for (String name : new String[] {"!=", "ne"}) {
            ALL.put(name, (python, v, a) -> !python.equal(v, other(a)));
        }
        for (String name : new String[] {"<", "lt", "lessthan"}) {
            ALL.put(name, (python, v, a) -> python.order(v, other(a), "<") == -1);
        }
        for (String name : new String[] {">", "gt", "greaterthan"}) {
            ALL.put(name, (python, v, a) -> python.order(v, other(a), ">") == 1);
        }
        for (String name : new String[] {"<=", "le"}) {
            ALL.put(name, (python, v, a) -> python.order(v, other(a), "<=") <= 0);
        }
        for (String name : new String[] {">=", "ge"}) {
            ALL.put(name, (python, v, a) -> (python.order(v, other(a), ">=") & ~1) == 0);
        }
    }

    private Predicates() {}

    static Set<String> names() {
        return Collections.unmodifiableSet(ALL.keySet());
    }

    static boolean apply(Python python, String name, Value subject, Arguments arguments) {
        Predicate test = ALL.get(name);
        if (test == null) {
            throw TemplateException.failed("No test named " + Python.quote(name) + ".");
        }
        return test.apply(python, subject, arguments);
    }

    private static Value other(Arguments arguments) {
        return arguments.require("compare", 0, "other");
    }

    private static boolean remainder(Python python, Value value, Value divisor, Value wanted) {
        return python.equal(python.arithmetic().apply(BinaryOperator.MODULO, value, divisor), wanted);
    }

    /**
     * Python's {@code is}, for the values where it means something: small ints and short texts are shared, so equality
     * of the same type stands for it.
     */
    private static boolean same(Value a, Value b) {
        return a == b
                || (a instanceof Value.Int x && b instanceof Value.Int y && x.equals(y))
                || (a instanceof Text s && b instanceof Text t && s.equals(t));
    }
}
