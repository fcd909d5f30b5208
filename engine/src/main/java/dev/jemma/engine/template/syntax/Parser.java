package dev.jemma.engine.template.syntax;

import dev.jemma.engine.api.TemplateException;
import dev.jemma.engine.template.syntax.Statement.Parameter;
import dev.jemma.engine.template.syntax.Statement.Signature;
import dev.jemma.engine.template.syntax.Statement.Target;
import dev.jemma.engine.template.value.Python;
import dev.jemma.engine.template.value.Text;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** Parses a whole template. */
public final class Parser extends ExpressionParser {
    /** The names of the blocks that are open, for messages. */
    private final List<String> open = new ArrayList<>();

    private boolean insideLoop;

    private Parser(List<Token> tokens, KnownNames known) {
        super(tokens, known);
    }

    /**
     * Reads a template.
     *
     * @throws TemplateException of kind SYNTAX, with line and column
     */
    public static List<Statement> parse(String template, KnownNames known) {
        var parser = new Parser(Lexer.tokenize(template), known);
        List<Statement> body = parser.statements(Set.of());
        parser.failOnUnknown();
        return body;
    }

    /** Statements up to a tag whose name is one of {@code ends}, which is left for the caller (behind its opening). */
    private List<Statement> statements(Set<String> ends) {
        List<Statement> body = new ArrayList<>();
        while (true) {
            Token token = current();
            switch (token.type()) {
                case END -> {
                    if (!ends.isEmpty()) {
                        fail("Unexpected end of template. " + lookingFor(ends));
                    }
                    return body;
                }
                case DATA -> {
                    advance();
                    body.add(new Statement.Data(Text.of(token.text())));
                }
                case VARIABLE_BEGIN -> {
                    advance();
                    body.add(new Statement.Print(tuple(true, false, "")));
                    expect(Token.Type.VARIABLE_END, "end of print statement");
                }
                case BLOCK_BEGIN -> {
                    advance();
                    if (current().is(Token.Type.NAME) && ends.contains(current().text())) {
                        return body;
                    }
                    body.addAll(nested(() -> statement(ends)));
                    expect(Token.Type.BLOCK_END, "end of statement block");
                }
                default -> fail("unexpected " + Python.quote(token.describe()));
            }
        }
    }

    private String lookingFor(Set<String> ends) {
        String wanted = ends.stream().sorted().map(Python::quote).collect(Collectors.joining(" or "));
        String innermost =
                open.isEmpty() ? "" : " The innermost block that needs to be closed is '" + open.getLast() + "'.";
        return "Jinja was looking for the following tags: " + wanted + "." + innermost;
    }

    private List<Statement> statement(Set<String> ends) {
        Token tag = current();
        if (!tag.is(Token.Type.NAME)) {
            fail("tag name expected");
        }
        advance();
        return switch (tag.text()) {
            case "if" -> List.of(ifStatement());
            case "for" -> List.of(forStatement(tag.at()));
            case "set" -> List.of(set(tag.at()));
            case "macro" -> List.of(macro(tag.at()));
            case "call" -> List.of(callBlock(tag.at()));
            case "filter" -> List.of(new Statement.FilterBlock(filters(filter(Optional.empty())), inner("filter")));
            case "with" -> List.of(with(tag.at()));
            case "generation" -> List.of(new Statement.Generation(body("generation", "endgeneration", Loops.CLOSED)));
            case "block" -> List.of(block());
            case "print" -> print();
            case "break", "continue" -> {
                if (!insideLoop) {
                    throw tag.at().syntax("'" + tag.text() + "' outside loop");
                }
                yield List.of(tag.text().equals("break") ? Statement.Jump.BREAK : Statement.Jump.CONTINUE);
            }
            case "include", "import", "from", "extends" ->
                throw tag.at()
                        .syntax("'" + tag.text() + "' needs other templates, which a chat template does not have");
            case "autoescape" -> throw tag.at().syntax("'autoescape' is not supported: prompts are not HTML");
            default ->
                throw tag.at()
                        .syntax("Encountered unknown tag " + Python.quote(tag.text()) + "."
                                + (ends.isEmpty() ? "" : " " + lookingFor(ends)));
        };
    }

    /** Whether a body keeps the loop around it in reach of break and continue. */
    private enum Loops {
        /** As around it. */
        INHERITED,
        /** The body of a loop. */
        OPEN,
        /** A body of its own, which cannot jump out. */
        CLOSED
    }

    /** A block's body: the end of the opening tag, the statements, and the name of the closing tag. */
    private List<Statement> body(String name, String end, Loops loops) {
        return body(name, Set.of(end), loops, true);
    }

    private List<Statement> body(String name, Set<String> ends, Loops loops, boolean dropEnd) {
        skipOperator(":");
        expect(Token.Type.BLOCK_END, "end of statement block");
        boolean before = insideLoop;
        insideLoop = loops == Loops.OPEN || (loops == Loops.INHERITED && before);
        open.add(name);
        List<Statement> statements = statements(ends);
        open.removeLast();
        insideLoop = before;
        if (dropEnd) {
            advance();
        }
        return statements;
    }

    private List<Statement> inner(String name) {
        return body(name, "end" + name, Loops.INHERITED);
    }

    private Statement ifStatement() {
        return forgiving(() -> {
            List<Statement.Branch> branches = new ArrayList<>();
            while (true) {
                Expression test = tuple(false, false, "");
                branches.add(new Statement.Branch(
                        test, body("if", Set.of("elif", "else", "endif"), Loops.INHERITED, false)));
                String end = advance().text();
                if (!end.equals("elif")) {
                    return new Statement.If(
                            branches, end.equals("else") ? body("if", "endif", Loops.INHERITED) : List.of());
                }
            }
        });
    }

    private Statement forStatement(Position at) {
        Target target = target("in");
        expectName("in");
        Expression items = tuple(false, false, "recursive");
        Optional<Expression> condition = skipName("if") ? Optional.of(expression()) : Optional.empty();
        boolean recursive = skipName("recursive");
        List<Statement> body = body("for", Set.of("endfor", "else"), Loops.OPEN, false);
        boolean otherwise = advance().text().equals("else");
        return new Statement.For(
                at,
                target,
                items,
                condition,
                recursive,
                body,
                otherwise ? body("for", "endfor", Loops.INHERITED) : List.of());
    }

    private Statement set(Position at) {
        Target target = target("");
        if (skipOperator("=")) {
            return new Statement.Assign(at, target, tuple(true, false, ""));
        }
        Optional<Expression> filter = Optional.empty();
        if (skipOperator("|")) {
            filter = Optional.of(filters(filter(Optional.empty())));
        }
        return new Statement.AssignBlock(at, target, filter, inner("set"));
    }

    private Expression filters(Expression first) {
        Expression filter = first;
        while (skipOperator("|")) {
            filter = filter(Optional.of(filter));
        }
        return filter;
    }

    private Statement macro(Position at) {
        String name = expect(Token.Type.NAME, "name").text();
        Set<String> catches = new HashSet<>();
        List<Parameter> parameters = parameters();
        caught.add(catches);
        List<Statement> body = body("macro", "endmacro", Loops.CLOSED);
        caught.removeLast();
        return new Statement.Macro(at, name, new Signature(parameters, catches), body);
    }

    private List<Parameter> parameters() {
        List<Parameter> parameters = new ArrayList<>();
        expectOperator("(");
        while (!current().operator(")")) {
            if (!parameters.isEmpty()) {
                expectOperator(",");
            }
            String name = expect(Token.Type.NAME, "name").text();
            if (parameters.stream().anyMatch(p -> p.name().equals(name))) {
                fail("duplicate argument '" + name + "' in function definition");
            }
            if (skipOperator("=")) {
                parameters.add(new Parameter(name, Optional.of(expression())));
            } else {
                if (!parameters.isEmpty() && parameters.getLast().otherwise().isPresent()) {
                    fail("non-default argument follows default argument");
                }
                parameters.add(new Parameter(name, Optional.empty()));
            }
        }
        expectOperator(")");
        return parameters;
    }

    private Statement callBlock(Position at) {
        List<Parameter> parameters = current().operator("(") ? parameters() : List.of();
        Expression expression = expression();
        if (!(expression instanceof Expression.Call call)) {
            throw at.syntax("expected call");
        }
        Set<String> catches = new HashSet<>();
        caught.add(catches);
        List<Statement> body = body("call", "endcall", Loops.CLOSED);
        caught.removeLast();
        return new Statement.CallBlock(at, new Signature(parameters, catches), call, body);
    }

    private Statement with(Position at) {
        List<Target> targets = new ArrayList<>();
        List<Expression> values = new ArrayList<>();
        while (!current().is(Token.Type.BLOCK_END)) {
            if (!targets.isEmpty()) {
                expectOperator(",");
            }
            targets.add(target(""));
            expectOperator("=");
            values.add(expression());
        }
        return new Statement.With(at, targets, values, inner("with"));
    }

    private Statement block() {
        String name = expect(Token.Type.NAME, "name").text();
        boolean scoped = skipName("scoped");
        skipName("required");
        List<Statement> body = body("block", "endblock", Loops.CLOSED);
        skipName(name);
        return new Statement.Block(scoped, body);
    }

    private List<Statement> print() {
        List<Statement> printed = new ArrayList<>();
        while (!current().is(Token.Type.BLOCK_END)) {
            if (!printed.isEmpty()) {
                expectOperator(",");
            }
            printed.add(new Statement.Print(expression()));
        }
        return printed;
    }

    /** A name, an attribute of a namespace, or a tuple of them. */
    private Target target(String endName) {
        List<Target> targets = new ArrayList<>();
        boolean several = false;
        while (true) {
            if (!targets.isEmpty()) {
                expectOperator(",");
            }
            if (tupleEnd(endName)) {
                break;
            }
            targets.add(singleTarget(endName));
            if (!current().operator(",")) {
                break;
            }
            several = true;
        }
        if (targets.isEmpty()) {
            fail("Expected an expression, got " + Python.quote(current().describe()));
        }
        return several ? new Target.Several(targets) : targets.getFirst();
    }

    private Target singleTarget(String endName) {
        Token token = current();
        if (skipOperator("(")) {
            Target inner = nested(() -> target(endName));
            expectOperator(")");
            return inner;
        }
        boolean constant = switch (token.text()) {
            case "true", "false", "none", "True", "False", "None" -> true;
            default -> !token.is(Token.Type.NAME);
        };
        if (constant) {
            fail("can't assign to " + Python.quote(token.describe()));
        }
        advance();
        if (endName.isEmpty() && skipOperator(".")) {
            return new Target.NamespaceAttribute(
                    token.at(), token.text(), expect(Token.Type.NAME, "name").text());
        }
        return new Target.Variable(token.text());
    }
}
