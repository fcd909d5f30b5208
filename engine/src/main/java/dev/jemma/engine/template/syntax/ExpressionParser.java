package dev.jemma.engine.template.syntax;

import dev.jemma.engine.api.TemplateException;
import dev.jemma.engine.template.syntax.Expression.Comparator;
import dev.jemma.engine.template.syntax.Expression.Passed;
import dev.jemma.engine.template.syntax.Expression.UnaryOperator;
import dev.jemma.engine.template.value.BinaryOperator;
import dev.jemma.engine.template.value.Python;
import dev.jemma.engine.template.value.Text;
import dev.jemma.engine.template.value.Value;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Recursive descent over the tokens of a tag. Precedence, from loose to tight: if-else, or, and, not, comparison, + -,
 * ~, * / // %, **, sign, attribute and call, filter and test.
 */
class ExpressionParser {
    private static final int MAX_NESTING = 100;
    private static final Map<String, Comparator> COMPARATORS = Map.of(
            "==",
            Comparator.EQUAL,
            "!=",
            Comparator.NOT_EQUAL,
            "<",
            Comparator.LESS,
            "<=",
            Comparator.LESS_EQUAL,
            ">",
            Comparator.GREATER,
            ">=",
            Comparator.GREATER_EQUAL);

    private final List<Token> tokens;
    private final KnownNames known;
    private int next;
    private int nesting;

    /** Names of filters and tests that do not exist; harmless in branches that are not taken. */
    private final List<TemplateException> unknown = new ArrayList<>();

    /** The sets of special macro names to which the bodies that are being parsed add what they use. */
    final List<Set<String>> caught = new ArrayList<>();

    ExpressionParser(List<Token> tokens, KnownNames known) {
        this.tokens = tokens;
        this.known = known;
    }

    final Token current() {
        return tokens.get(next);
    }

    final Token look() {
        return tokens.get(Math.min(next + 1, tokens.size() - 1));
    }

    final Token advance() {
        Token token = tokens.get(next);
        if (!token.is(Token.Type.END)) {
            next++;
        }
        return token;
    }

    final boolean skipName(String name) {
        boolean found = current().name(name);
        if (found) {
            advance();
        }
        return found;
    }

    final boolean skipOperator(String operator) {
        boolean found = current().operator(operator);
        if (found) {
            advance();
        }
        return found;
    }

    final Token expect(Token.Type type, String described) {
        return current().is(type) ? advance() : fail(expected(described));
    }

    final void expectOperator(String operator) {
        if (!skipOperator(operator)) {
            fail(expected(operator));
        }
    }

    final void expectName(String name) {
        if (!skipName(name)) {
            fail(expected(name));
        }
    }

    private String expected(String described) {
        return current().is(Token.Type.END)
                ? "unexpected end of template, expected '" + described + "'."
                : "expected token '" + described + "', got "
                        + Python.quote(current().describe());
    }

    final Token fail(String reason) {
        throw current().at().syntax(reason);
    }

    /** Runs a part of the parser one level deeper. */
    final <T> T nested(Supplier<T> part) {
        if (++nesting > MAX_NESTING) {
            throw current().at().syntax("the template nests deeper than " + MAX_NESTING + " levels");
        }
        T result = part.get();
        nesting--;
        return result;
    }

    /** Whether a branch that may not be taken forgives unknown filters and tests: they fail when they are reached. */
    final <T> T forgiving(Supplier<T> part) {
        int before = unknown.size();
        T result = part.get();
        unknown.subList(before, unknown.size()).clear();
        return result;
    }

    final void failOnUnknown() {
        if (!unknown.isEmpty()) {
            throw unknown.getFirst();
        }
    }

    final Expression expression() {
        return nested(this::conditional);
    }

    private Expression conditional() {
        int before = unknown.size();
        Expression value = or();
        while (current().name("if")) {
            Position at = advance().at();
            Expression test = or();
            Optional<Expression> otherwise =
                    skipName("else") ? Optional.of(nested(this::conditional)) : Optional.empty();
            unknown.subList(before, unknown.size()).clear();
            value = new Expression.Conditional(at, test, value, otherwise);
        }
        return value;
    }

    final Expression or() {
        Expression left = and();
        while (current().name("or")) {
            Position at = advance().at();
            left = new Expression.Logical(at, true, left, and());
        }
        return left;
    }

    private Expression and() {
        Expression left = not();
        while (current().name("and")) {
            Position at = advance().at();
            left = new Expression.Logical(at, false, left, not());
        }
        return left;
    }

    private Expression not() {
        if (current().name("not")) {
            Position at = advance().at();
            return new Expression.Unary(at, UnaryOperator.NOT, nested(this::not));
        }
        return comparison();
    }

    private Expression comparison() {
        Position at = current().at();
        Expression first = sum();
        List<Expression.Operand> rest = new ArrayList<>();
        while (true) {
            Comparator comparator = current().is(Token.Type.OPERATOR)
                    ? COMPARATORS.get(current().text())
                    : null;
            if (comparator != null) {
                advance();
            } else if (skipName("in")) {
                comparator = Comparator.IN;
            } else if (current().name("not") && look().name("in")) {
                advance();
                advance();
                comparator = Comparator.NOT_IN;
            } else {
                return rest.isEmpty() ? first : new Expression.Comparison(at, first, rest);
            }
            rest.add(new Expression.Operand(comparator, sum()));
        }
    }

    private Expression sum() {
        Expression left = concat();
        while (current().operator("+") || current().operator("-")) {
            Token operator = advance();
            left = new Expression.Binary(
                    operator.at(),
                    operator.text().equals("+") ? BinaryOperator.ADD : BinaryOperator.SUBTRACT,
                    left,
                    concat());
        }
        return left;
    }

    private Expression concat() {
        Position at = current().at();
        Expression first = product();
        if (!current().operator("~")) {
            return first;
        }
        List<Expression> parts = new ArrayList<>(List.of(first));
        while (skipOperator("~")) {
            parts.add(product());
        }
        return new Expression.Concat(at, parts);
    }

    private Expression product() {
        Expression left = power();
        while (current().operator("*")
                || current().operator("/")
                || current().operator("//")
                || current().operator("%")) {
            Token token = advance();
            BinaryOperator operator = switch (token.text()) {
                case "*" -> BinaryOperator.MULTIPLY;
                case "/" -> BinaryOperator.DIVIDE;
                case "//" -> BinaryOperator.FLOOR_DIVIDE;
                default -> BinaryOperator.MODULO;
            };
            left = new Expression.Binary(token.at(), operator, left, power());
        }
        return left;
    }

    private Expression power() {
        Expression left = unary(true);
        while (current().operator("**")) {
            Position at = advance().at();
            left = new Expression.Binary(at, BinaryOperator.POWER, left, unary(true));
        }
        return left;
    }

    private Expression unary(boolean withFilters) {
        Token token = current();
        Expression value;
        if (token.operator("-") || token.operator("+")) {
            advance();
            UnaryOperator operator = token.text().equals("-") ? UnaryOperator.NEGATE : UnaryOperator.PLUS;
            value = new Expression.Unary(token.at(), operator, nested(() -> unary(false)));
        } else {
            value = primary();
        }
        value = postfix(value);
        return withFilters ? filtersAndTests(value) : value;
    }

    final Expression primary() {
        Token token = current();
        switch (token.type()) {
            case NAME -> {
                advance();
                return switch (token.text()) {
                    case "true", "True" -> new Expression.Constant(token.at(), Value.Bool.TRUE);
                    case "false", "False" -> new Expression.Constant(token.at(), Value.Bool.FALSE);
                    case "none", "None" -> new Expression.Constant(token.at(), Value.Null.NONE);
                    default -> variable(token);
                };
            }
            case STRING -> {
                var text = new StringBuilder();
                while (current().is(Token.Type.STRING)) {
                    text.append(advance().text());
                }
                return new Expression.Constant(token.at(), Text.of(text.toString()));
            }
            case INTEGER -> {
                advance();
                return new Expression.Constant(token.at(), new Value.Int(new BigInteger(token.text())));
            }
            case FLOAT -> {
                advance();
                return new Expression.Constant(token.at(), new Value.Real(Double.parseDouble(token.text())));
            }
            case OPERATOR -> {
                switch (token.text()) {
                    case "(" -> {
                        advance();
                        Expression inner = nested(() -> tuple(true, true, ""));
                        expectOperator(")");
                        return inner;
                    }
                    case "[" -> {
                        advance();
                        return list(token.at());
                    }
                    case "{" -> {
                        advance();
                        return dict(token.at());
                    }
                    default -> {}
                }
            }
            default -> {}
        }
        throw token.at().syntax("unexpected " + Python.quote(token.describe()));
    }

    private Expression variable(Token token) {
        if (token.text().equals("caller")
                || token.text().equals("varargs")
                || token.text().equals("kwargs")) {
            caught.forEach(names -> names.add(token.text()));
        }
        return new Expression.Name(token.at(), token.text());
    }

    /**
     * One expression, or a tuple if commas follow.
     *
     * @param conditionals whether if-else may stand in it outside of parentheses
     * @param parenthesized whether an empty tuple is allowed
     * @param endName a name that ends the tuple, or nothing
     */
    final Expression tuple(boolean conditionals, boolean parenthesized, String endName) {
        Position at = current().at();
        List<Expression> items = new ArrayList<>();
        boolean tuple = false;
        while (true) {
            if (!items.isEmpty()) {
                expectOperator(",");
            }
            if (tupleEnd(endName)) {
                break;
            }
            items.add(conditionals ? expression() : nested(this::or));
            if (!current().operator(",")) {
                break;
            }
            tuple = true;
        }
        if (!tuple && !items.isEmpty()) {
            return items.getFirst();
        }
        if (!tuple && !parenthesized) {
            fail("Expected an expression, got " + Python.quote(current().describe()));
        }
        return new Expression.Items(at, Value.Sequence.Kind.TUPLE, items);
    }

    final boolean tupleEnd(String endName) {
        Token token = current();
        return token.is(Token.Type.VARIABLE_END)
                || token.is(Token.Type.BLOCK_END)
                || token.operator(")")
                || (!endName.isEmpty() && token.name(endName));
    }

    private Expression list(Position at) {
        List<Expression> items = new ArrayList<>();
        while (!current().operator("]")) {
            if (!items.isEmpty()) {
                expectOperator(",");
                if (current().operator("]")) {
                    break;
                }
            }
            items.add(expression());
        }
        expectOperator("]");
        return new Expression.Items(at, Value.Sequence.Kind.LIST, items);
    }

    private Expression dict(Position at) {
        List<Expression.Entry> entries = new ArrayList<>();
        while (!current().operator("}")) {
            if (!entries.isEmpty()) {
                expectOperator(",");
                if (current().operator("}")) {
                    break;
                }
            }
            Expression key = expression();
            expectOperator(":");
            entries.add(new Expression.Entry(key, expression()));
        }
        expectOperator("}");
        return new Expression.DictLiteral(at, entries);
    }

    private Expression postfix(Expression start) {
        Expression value = start;
        while (true) {
            if (current().operator(".")) {
                value = attribute(value, advance().at());
            } else if (current().operator("[")) {
                value = subscript(value, advance().at());
            } else if (current().operator("(")) {
                value = call(value);
            } else {
                return value;
            }
        }
    }

    private Expression filtersAndTests(Expression start) {
        Expression value = start;
        while (true) {
            if (current().operator("|")) {
                advance();
                value = filter(Optional.of(value));
            } else if (current().name("is")) {
                value = test(value);
            } else if (current().operator("(")) {
                value = call(value);
            } else {
                return value;
            }
        }
    }

    private Expression attribute(Expression object, Position at) {
        Token name = advance();
        if (name.is(Token.Type.INTEGER)) {
            return new Expression.Item(
                    at, object, new Expression.Constant(name.at(), new Value.Int(new BigInteger(name.text()))));
        }
        if (!name.is(Token.Type.NAME)) {
            throw name.at().syntax("expected name or number");
        }
        return new Expression.Attribute(at, object, name.text());
    }

    private Expression subscript(Expression object, Position at) {
        List<Expression> indexes = new ArrayList<>();
        while (!current().operator("]")) {
            if (!indexes.isEmpty()) {
                expectOperator(",");
            }
            indexes.add(index());
        }
        expectOperator("]");
        Expression index =
                indexes.size() == 1 ? indexes.getFirst() : new Expression.Items(at, Value.Sequence.Kind.TUPLE, indexes);
        return new Expression.Item(at, object, index);
    }

    private Expression index() {
        Position at = current().at();
        Optional<Expression> start = Optional.empty();
        if (!current().operator(":")) {
            Expression value = expression();
            if (!current().operator(":")) {
                return value;
            }
            start = Optional.of(value);
        }
        expectOperator(":");
        Optional<Expression> stop = sliceBound();
        Optional<Expression> step = skipOperator(":") ? sliceBound() : Optional.empty();
        return new Expression.Slice(at, start, stop, step);
    }

    private Optional<Expression> sliceBound() {
        boolean open =
                current().operator(":") || current().operator("]") || current().operator(",");
        return open ? Optional.empty() : Optional.of(expression());
    }

    final Expression.Call call(Expression callee) {
        Position at = current().at();
        return new Expression.Call(at, callee, passed());
    }

    private Passed passed() {
        Position at = current().at();
        expectOperator("(");
        List<Expression> positional = new ArrayList<>();
        List<Expression.Named> named = new ArrayList<>();
        Optional<Expression> spread = Optional.empty();
        Optional<Expression> spreadNamed = Optional.empty();
        boolean first = true;
        while (!current().operator(")")) {
            if (!first) {
                expectOperator(",");
                if (current().operator(")")) {
                    break;
                }
            }
            first = false;
            boolean valid;
            if (skipOperator("*")) {
                valid = spread.isEmpty() && spreadNamed.isEmpty();
                spread = Optional.of(expression());
            } else if (skipOperator("**")) {
                valid = spreadNamed.isEmpty();
                spreadNamed = Optional.of(expression());
            } else if (current().is(Token.Type.NAME) && look().operator("=")) {
                valid = spreadNamed.isEmpty();
                String name = advance().text();
                advance();
                if (named.stream().anyMatch(n -> n.name().equals(name))) {
                    fail("keyword argument repeated: " + name);
                }
                named.add(new Expression.Named(name, expression()));
            } else {
                valid = spread.isEmpty() && spreadNamed.isEmpty() && named.isEmpty();
                positional.add(expression());
            }
            if (!valid) {
                throw at.syntax("invalid syntax for function call expression");
            }
        }
        expectOperator(")");
        return new Passed(positional, named, spread, spreadNamed);
    }

    /** A filter's name and arguments, behind the bar. */
    final Expression filter(Optional<Expression> subject) {
        Position at = current().at();
        String name = dottedName();
        Passed passed = current().operator("(") ? passed() : Passed.NOTHING;
        if (!known.filters().contains(name)) {
            unknown.add(at.syntax("No filter named " + Python.quote(name) + "."));
        }
        return new Expression.Filter(at, subject, name, passed);
    }

    private String dottedName() {
        var name = new StringBuilder(expect(Token.Type.NAME, "name").text());
        while (skipOperator(".")) {
            name.append('.').append(expect(Token.Type.NAME, "name").text());
        }
        return name.toString();
    }

    private Expression test(Expression subject) {
        Position at = advance().at();
        boolean negated = skipName("not");
        Position nameAt = current().at();
        String name = dottedName();
        Passed passed = Passed.NOTHING;
        Token token = current();
        if (token.operator("(")) {
            passed = passed();
        } else if (startsArgument(token)) {
            if (token.name("is")) {
                fail("You cannot chain multiple tests with is");
            }
            passed = new Passed(
                    List.of(nested(() -> postfix(primary()))), List.of(), Optional.empty(), Optional.empty());
        }
        if (!known.tests().contains(name)) {
            unknown.add(nameAt.syntax("No test named " + Python.quote(name) + "."));
        }
        Expression test = new Expression.Test(at, subject, name, passed);
        return negated ? new Expression.Unary(at, UnaryOperator.NOT, test) : test;
    }

    private static boolean startsArgument(Token token) {
        return switch (token.type()) {
            case STRING, INTEGER, FLOAT -> true;
            case NAME -> !token.name("else") && !token.name("or") && !token.name("and");
            case OPERATOR -> token.operator("[") || token.operator("{");
            default -> false;
        };
    }
}
