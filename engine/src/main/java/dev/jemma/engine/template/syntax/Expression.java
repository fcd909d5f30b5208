package dev.jemma.engine.template.syntax;

import dev.jemma.engine.template.value.BinaryOperator;
import dev.jemma.engine.template.value.Value;
import java.util.List;
import java.util.Optional;

/** An expression of a template, with the place of its characteristic token. */
public sealed interface Expression {
    Position at();

    record Constant(Position at, Value value) implements Expression {}

    record Name(Position at, String name) implements Expression {}

    record Items(Position at, Value.Sequence.Kind kind, List<Expression> items) implements Expression {}

    record DictLiteral(Position at, List<Entry> entries) implements Expression {}

    record Entry(Expression key, Expression value) {}

    record Unary(Position at, UnaryOperator operator, Expression operand) implements Expression {}

    enum UnaryOperator {
        NOT,
        NEGATE,
        PLUS
    }

    record Binary(Position at, BinaryOperator operator, Expression left, Expression right) implements Expression {}

    /**
     * {@code and} (stops at the first false operand) or {@code or} (at the first true one); the value is that operand.
     */
    record Logical(Position at, boolean stopsAt, Expression left, Expression right) implements Expression {}

    /** A chain such as {@code a < b <= c}: every operand is evaluated once. */
    record Comparison(Position at, Expression first, List<Operand> rest) implements Expression {}

    record Operand(Comparator comparator, Expression value) {}

    enum Comparator {
        EQUAL,
        NOT_EQUAL,
        LESS,
        LESS_EQUAL,
        GREATER,
        GREATER_EQUAL,
        IN,
        NOT_IN
    }

    /** {@code a ~ b ~ c}: the strings of all, joined. */
    record Concat(Position at, List<Expression> parts) implements Expression {}

    record Conditional(Position at, Expression test, Expression then, Optional<Expression> otherwise)
            implements Expression {}

    record Attribute(Position at, Expression object, String name) implements Expression {}

    record Item(Position at, Expression object, Expression index) implements Expression {}

    /** Only as the index of an {@link Item}. */
    record Slice(Position at, Optional<Expression> start, Optional<Expression> stop, Optional<Expression> step)
            implements Expression {}

    record Call(Position at, Expression callee, Passed passed) implements Expression {}

    /** A filter; the subject is empty where a block's text takes its place. */
    record Filter(Position at, Optional<Expression> subject, String name, Passed passed) implements Expression {}

    record Test(Position at, Expression subject, String name, Passed passed) implements Expression {}

    /** The arguments of a call as they are written. */
    record Passed(
            List<Expression> positional,
            List<Named> named,
            Optional<Expression> spread,
            Optional<Expression> spreadNamed) {
        public static final Passed NOTHING = new Passed(List.of(), List.of(), Optional.empty(), Optional.empty());
    }

    record Named(String name, Expression value) {}
}
