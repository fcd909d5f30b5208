package dev.jemma.engine.template;

import dev.jemma.engine.template.Expression.BinaryOperator;
import java.util.HashMap;
import java.util.Map;

/** Jinja's tests, what stands behind {@code is}. */
final class Tests {
    /** A test of a value. */
    interface Test {
        boolean apply(Interpreter in, Value subject, Arguments arguments);
    }

    private static final Map<String, Test> ALL = new HashMap<>();

    static {
        ALL.put("defined", (in, v, a) -> !(v instanceof Value.Undefined));
        ALL.put("undefined", (in, v, a) -> v instanceof Value.Undefined);
        ALL.put("none", (in, v, a) -> v == Value.Null.NONE);
        ALL.put("boolean", (in, v, a) -> v instanceof Value.Bool);
        ALL.put("true", (in, v, a) -> v == Value.Bool.TRUE);
        ALL.put("false", (in, v, a) -> v == Value.Bool.FALSE);
        ALL.put("integer", (in, v, a) -> v instanceof Value.Int);
        ALL.put("float", (in, v, a) -> v instanceof Value.Real);
        ALL.put("number", (in, v, a) -> Python.isNumber(v));
        ALL.put("string", (in, v, a) -> v instanceof Text);
        ALL.put("mapping", (in, v, a) -> v instanceof Value.Dict);
        ALL.put(
                "sequence",
                (in, v, a) -> v instanceof Text
                        || v instanceof Value.Sequence
                        || v instanceof Value.Range
                        || v instanceof Value.Dict
                        || v instanceof Value.Undefined);
        ALL.put("iterable", (in, v, a) -> Python.iterable(v));
        ALL.put("callable", (in, v, a) -> v instanceof Value.Function || v instanceof Value.Undefined);
        ALL.put("escaped", (in, v, a) -> v instanceof Text text && text.markup());
        ALL.put("lower", (in, v, a) -> StringMethods.isLower(in.python().str(v).chars()));
        ALL.put("upper", (in, v, a) -> StringMethods.isUpper(in.python().str(v).chars()));
        ALL.put("odd", (in, v, a) -> remainder(in, v, Value.Int.of(2), Value.Int.of(1)));
        ALL.put("even", (in, v, a) -> remainder(in, v, Value.Int.of(2), Value.Int.of(0)));
        ALL.put("divisibleby", (in, v, a) -> remainder(in, v, a.require("divisibleby", 0, "num"), Value.Int.of(0)));
        ALL.put("sameas", (in, v, a) -> same(v, a.require("sameas", 0, "other")));
        ALL.put("in", (in, v, a) -> in.arithmetic().contains(a.require("in", 0, "seq"), v));
        ALL.put("filter", (in, v, a) -> v instanceof Text text && Filters.exists(text.chars()));
        ALL.put("test", (in, v, a) -> v instanceof Text text && exists(text.chars()));
        for (String name : new String[] {"==", "eq", "equalto"}) {
            ALL.put(name, (in, v, a) -> in.python().equal(v, other(a)));
        }
        for (String name : new String[] {"!=", "ne"}) {
            ALL.put(name, (in, v, a) -> !in.python().equal(v, other(a)));
        }
        for (String name : new String[] {"<", "lt", "lessthan"}) {
            ALL.put(name, (in, v, a) -> in.python().order(v, other(a), "<") == -1);
        }
        for (String name : new String[] {">", "gt", "greaterthan"}) {
            ALL.put(name, (in, v, a) -> in.python().order(v, other(a), ">") == 1);
        }
        for (String name : new String[] {"<=", "le"}) {
            ALL.put(name, (in, v, a) -> in.python().order(v, other(a), "<=") <= 0);
        }
        for (String name : new String[] {">=", "ge"}) {
            ALL.put(name, (in, v, a) -> (in.python().order(v, other(a), ">=") & ~1) == 0);
        }
    }

    private Tests() {}

    static boolean exists(String name) {
        return ALL.containsKey(name);
    }

    static boolean apply(Interpreter in, String name, Value subject, Arguments arguments) {
        Test test = ALL.get(name);
        if (test == null) {
            throw TemplateException.failed("No test named " + Python.quote(name) + ".");
        }
        return test.apply(in, subject, arguments);
    }

    private static Value other(Arguments arguments) {
        return arguments.require("compare", 0, "other");
    }

    private static boolean remainder(Interpreter in, Value value, Value divisor, Value wanted) {
        return in.python().equal(in.arithmetic().apply(BinaryOperator.MODULO, value, divisor), wanted);
    }

    /** Python's {@code is}, for the values where it means something: small ints and short texts are shared, so equality of the same type stands for it. */
    private static boolean same(Value a, Value b) {
        return a == b
                || (a instanceof Value.Int x && b instanceof Value.Int y && x.equals(y))
                || (a instanceof Text s && b instanceof Text t && s.equals(t));
    }
}
