package dev.jemma.engine.template.run;

import dev.jemma.engine.api.TemplateException;
import dev.jemma.engine.template.syntax.Expression;
import dev.jemma.engine.template.syntax.Expression.Operand;
import dev.jemma.engine.template.syntax.KnownNames;
import dev.jemma.engine.template.syntax.Position;
import dev.jemma.engine.template.syntax.Statement;
import dev.jemma.engine.template.syntax.Statement.Parameter;
import dev.jemma.engine.template.syntax.Statement.Signature;
import dev.jemma.engine.template.syntax.Statement.Target;
import dev.jemma.engine.template.value.Arguments;
import dev.jemma.engine.template.value.Budget;
import dev.jemma.engine.template.value.Lazy;
import dev.jemma.engine.template.value.Python;
import dev.jemma.engine.template.value.Text;
import dev.jemma.engine.template.value.Value;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Walks a template's tree and writes its text. One use, one thread. */
public final class Interpreter {
    /** How a list of statements was left. */
    private enum Exit {
        END,
        BREAK,
        CONTINUE
    }

    /** The filters and tests that templates may name. */
    public static final KnownNames KNOWN = new KnownNames(Filters.names(), Predicates.names());

    private final Budget budget;
    private final Python python;
    private final Globals globals;

    /**
     * An interpreter for one rendering.
     *
     * @param now the time that the template is told
     */
    public Interpreter(Budget budget, LocalDateTime now) {
        this.budget = budget;
        python = new Python(budget);
        globals = new Globals(now);
    }

    /** Renders a template that was read with {@link #KNOWN}. */
    public Text run(List<Statement> template, Map<String, Value> variables) {
        return capture(template, Scope.outermost(globals, variables));
    }

    private Text capture(List<Statement> body, Scope scope) {
        var out = new Text.Builder(budget);
        run(body, scope, out);
        return out.build();
    }

    private Exit run(List<Statement> body, Scope scope, Text.Builder out) {
        for (Statement statement : body) {
            budget.enter();
            Exit exit = run(statement, scope, out);
            budget.leave();
            if (exit != Exit.END) {
                return exit;
            }
        }
        return Exit.END;
    }

    private Exit run(Statement statement, Scope scope, Text.Builder out) {
        switch (statement) {
            case Statement.Data data -> out.append(data.text());
            case Statement.Print print -> out.append(python.str(value(print.value(), scope)));
            case Statement.If condition -> {
                return choose(condition, scope, out);
            }
            case Statement.For loop -> loop(loop, value(loop.items(), scope), 0, scope, out);
            case Statement.Assign set -> assign(set.target(), value(set.value(), scope), set.at(), scope);
            case Statement.AssignBlock set -> {
                Value text = capture(set.body(), scope.inner());
                if (set.filter().isPresent()) {
                    text = filter((Expression.Filter) set.filter().get(), Optional.of(text), scope);
                }
                assign(set.target(), text, set.at(), scope);
            }
            case Statement.Macro macro ->
                scope.set(macro.name(), macro(macro.name(), macro.signature(), macro.body(), scope));
            case Statement.CallBlock block -> {
                Value caller = macro("caller", block.signature(), block.body(), scope);
                out.append(python.str(call(block.call(), Optional.of(caller), scope)));
            }
            case Statement.FilterBlock block -> {
                Text text = capture(block.body(), scope.inner());
                out.append(python.str(filter((Expression.Filter) block.filter(), Optional.of(text), scope)));
            }
            case Statement.With with -> {
                Scope inner = scope.inner();
                for (int i = 0; i < with.targets().size(); i++) {
                    assign(with.targets().get(i), value(with.values().get(i), scope), with.at(), inner);
                }
                return run(with.body(), inner, out);
            }
            case Statement.Generation block ->
                out.append(capture(block.body(), scope.inner()).generated());
            case Statement.Block block ->
                run(
                        block.body(),
                        block.scoped() ? scope.inner() : scope.outermost().inner(),
                        out);
            case Statement.Jump jump -> {
                return jump == Statement.Jump.BREAK ? Exit.BREAK : Exit.CONTINUE;
            }
        }
        return Exit.END;
    }

    private Exit choose(Statement.If condition, Scope scope, Text.Builder out) {
        for (Statement.Branch branch : condition.branches()) {
            if (Python.truth(value(branch.test(), scope))) {
                return run(branch.body(), scope, out);
            }
        }
        return run(condition.otherwise(), scope, out);
    }

    private void loop(Statement.For loop, Value over, int depth, Scope scope, Text.Builder out) {
        LoopState state = placed(loop.at(), () -> start(loop, over, depth, scope));
        boolean any = false;
        while (placed(loop.at(), state::hasNext)) {
            any = true;
            budget.charge(4); // a scope costs more than a node
            Scope inner = scope.inner();
            Value item = placed(loop.at(), state::next);
            inner.set("loop", state);
            assign(loop.target(), item, loop.at(), inner);
            if (run(loop.body(), inner, out) == Exit.BREAK) {
                return;
            }
        }
        if (!any) {
            run(loop.otherwise(), scope.inner(), out);
        }
    }

    private LoopState start(Statement.For loop, Value over, int depth, Scope scope) {
        Optional<Value.Function> recursion = loop.recursive()
                ? Optional.of((in, arguments) -> {
                    var out = new Text.Builder(budget);
                    loop(loop, arguments.require("loop", 0, "iterable"), depth + 1, scope, out);
                    return out.build();
                })
                : Optional.empty();
        Iterator<Value> items = python.iterate(over);
        if (loop.condition().isEmpty()) {
            return new LoopState(python, items, Python.length(over), depth, recursion);
        }
        Expression condition = loop.condition().get();
        Iterator<Value> selected = Lazy.filter(items, item -> {
            Scope inner = scope.inner();
            assign(loop.target(), item, loop.at(), inner);
            return Python.truth(value(condition, inner));
        });
        return new LoopState(python, selected, Optional.empty(), depth, recursion);
    }

    private void assign(Target target, Value value, Position at, Scope scope) {
        switch (target) {
            case Target.Variable variable -> scope.set(variable.name(), value);
            case Target.NamespaceAttribute attribute -> {
                if (!(scope.get(attribute.namespace()) instanceof Value.Namespace namespace)) {
                    throw attribute
                            .at()
                            .place(TemplateException.failed("cannot assign attribute on non-namespace object"));
                }
                namespace.attributes().put(attribute.attribute(), value);
            }
            case Target.Several several -> {
                List<Value> values =
                        placed(at, () -> unpack(value, several.targets().size()));
                for (int i = 0; i < values.size(); i++) {
                    assign(several.targets().get(i), values.get(i), at, scope);
                }
            }
        }
    }

    private List<Value> unpack(Value value, int wanted) {
        if (!Python.iterable(value)) {
            throw TemplateException.failed("cannot unpack non-iterable " + Python.typeName(value) + " object");
        }
        List<Value> values = python.list(value);
        if (values.size() < wanted) {
            throw TemplateException.failed(
                    "not enough values to unpack (expected " + wanted + ", got " + values.size() + ")");
        }
        if (values.size() > wanted) {
            throw TemplateException.failed("too many values to unpack (expected " + wanted + ")");
        }
        return values;
    }

    /** Runs an operation; a failure without a place gets {@code at}. */
    private static <T> T placed(Position at, java.util.function.Supplier<T> operation) {
        try {
            return operation.get();
        } catch (TemplateException e) {
            throw at.place(e);
        }
    }

    private Value.Function macro(String name, Signature signature, List<Statement> body, Scope scope) {
        return new MacroFunction(name, signature, body, scope);
    }

    /** A macro with the scope it was defined in. */
    private final class MacroFunction implements Value.Function, Value.Attributed {
        private final String name;
        private final Signature signature;
        private final List<Statement> body;
        private final Scope definedIn;

        MacroFunction(String name, Signature signature, List<Statement> body, Scope definedIn) {
            this.name = name;
            this.signature = signature;
            this.body = body;
            this.definedIn = definedIn;
        }

        @Override
        public String typeName() {
            return "Macro";
        }

        @Override
        public Optional<Value> attribute(String attribute) {
            return switch (attribute) {
                case "name" -> Optional.of(Text.of(name));
                case "arguments" ->
                    Optional.of(new Value.Sequence(
                            Value.Sequence.Kind.TUPLE,
                            signature.parameters().stream()
                                    .<Value>map(p -> Text.of(p.name()))
                                    .toList()));
                case "catch_kwargs" ->
                    Optional.of(Value.Bool.of(signature.catches().contains("kwargs")));
                case "catch_varargs" ->
                    Optional.of(Value.Bool.of(signature.catches().contains("varargs")));
                case "caller" -> Optional.of(Value.Bool.of(signature.catches().contains("caller")));
                default -> Optional.empty();
            };
        }

        @Override
        public Value call(Python python, Arguments arguments) {
            Scope scope = definedIn.inner();
            List<Parameter> parameters = signature.parameters();
            Map<String, Value> named = new LinkedHashMap<>(arguments.named());
            int given = Math.min(arguments.positional().size(), parameters.size());
            List<Parameter> missing = new ArrayList<>();
            for (int i = 0; i < parameters.size(); i++) {
                Parameter parameter = parameters.get(i);
                Optional<Value> value = i < given
                        ? Optional.of(arguments.positional().get(i))
                        : Optional.ofNullable(named.remove(parameter.name()));
                value.ifPresentOrElse(v -> scope.set(parameter.name(), v), () -> missing.add(parameter));
            }
            special(
                    scope,
                    named,
                    arguments.positional().subList(given, arguments.positional().size()));
            for (Parameter parameter : missing) {
                scope.set(
                        parameter.name(),
                        new Value.Undefined("parameter " + Python.quote(parameter.name()) + " was not provided"));
            }
            for (Parameter parameter : missing) {
                parameter.otherwise().ifPresent(otherwise -> scope.set(parameter.name(), value(otherwise, scope)));
            }
            return capture(body, scope);
        }

        /** Binds caller, varargs and kwargs, or refuses arguments that nothing takes. */
        private void special(Scope scope, Map<String, Value> named, List<Value> rest) {
            boolean parameterNamedCaller =
                    signature.parameters().stream().anyMatch(p -> p.name().equals("caller"));
            if (signature.catches().contains("caller") && !parameterNamedCaller) {
                Value caller = named.remove("caller");
                scope.set("caller", caller == null ? new Value.Undefined("No caller defined") : caller);
            }
            if (signature.catches().contains("kwargs")) {
                var dict = new Value.Dict();
                named.forEach((key, value) -> dict.put(Text.of(key), value));
                scope.set("kwargs", dict);
            } else if (!named.isEmpty()) {
                throw TemplateException.failed("macro " + Python.quote(name) + " takes no keyword argument "
                        + Python.quote(named.keySet().iterator().next()));
            }
            if (signature.catches().contains("varargs")) {
                scope.set("varargs", new Value.Sequence(Value.Sequence.Kind.TUPLE, rest));
            } else if (!rest.isEmpty()) {
                throw TemplateException.failed("macro " + Python.quote(name) + " takes not more than "
                        + signature.parameters().size() + " argument(s)");
            }
        }
    }

    private Value value(Expression expression, Scope scope) {
        budget.enter();
        try {
            Value value = evaluate(expression, scope);
            budget.leave();
            return value;
        } catch (TemplateException e) {
            throw expression.at().place(e);
        }
    }

    private Value evaluate(Expression expression, Scope scope) {
        return switch (expression) {
            case Expression.Constant constant -> constant.value();
            case Expression.Name name -> scope.get(name.name());
            case Expression.Items items -> new Value.Sequence(items.kind(), values(items.items(), scope));
            case Expression.DictLiteral literal -> {
                var dict = new Value.Dict();
                for (Expression.Entry entry : literal.entries()) {
                    dict.put(value(entry.key(), scope), value(entry.value(), scope));
                }
                yield dict;
            }
            case Expression.Unary unary -> {
                Value operand = value(unary.operand(), scope);
                yield switch (unary.operator()) {
                    case NOT -> Value.Bool.of(!Python.truth(operand));
                    case NEGATE -> python.arithmetic().negate(operand);
                    case PLUS -> python.arithmetic().plus(operand);
                };
            }
            case Expression.Binary binary ->
                python.arithmetic().apply(binary.operator(), value(binary.left(), scope), value(binary.right(), scope));
            case Expression.Logical logical -> {
                Value left = value(logical.left(), scope);
                yield Python.truth(left) == logical.stopsAt() ? left : value(logical.right(), scope);
            }
            case Expression.Comparison comparison -> compare(comparison, scope);
            case Expression.Concat concat -> {
                var out = new Text.Builder(budget);
                for (Expression part : concat.parts()) {
                    out.append(python.str(value(part, scope)));
                }
                yield out.build();
            }
            case Expression.Conditional conditional -> {
                if (Python.truth(value(conditional.test(), scope))) {
                    yield value(conditional.then(), scope);
                }
                yield conditional
                        .otherwise()
                        .map(otherwise -> value(otherwise, scope))
                        .orElseGet(() -> new Value.Undefined("the inline if-expression on line "
                                + conditional.at().line() + " evaluated to false and no else section was defined."));
            }
            case Expression.Attribute attribute ->
                python.access().attribute(value(attribute.object(), scope), attribute.name());
            case Expression.Item item
            when item.index() instanceof Expression.Slice slice ->
                python.access()
                        .slice(
                                value(item.object(), scope),
                                bound(slice.start(), scope),
                                bound(slice.stop(), scope),
                                bound(slice.step(), scope));
            case Expression.Item item -> python.access().item(value(item.object(), scope), value(item.index(), scope));
            case Expression.Slice slice -> throw TemplateException.failed("a slice inside a tuple is no index");
            case Expression.Call call -> call(call, Optional.empty(), scope);
            case Expression.Filter filter -> filter(filter, Optional.empty(), scope);
            case Expression.Test test ->
                Value.Bool.of(Predicates.apply(
                        python,
                        test.name(),
                        value(test.subject(), scope),
                        arguments(test.passed(), Optional.empty(), scope)));
        };
    }

    private Value bound(Optional<Expression> bound, Scope scope) {
        return bound.isPresent() ? value(bound.get(), scope) : Value.Null.NONE;
    }

    private List<Value> values(List<Expression> expressions, Scope scope) {
        List<Value> values = new ArrayList<>(expressions.size());
        for (Expression expression : expressions) {
            values.add(value(expression, scope));
        }
        return values;
    }

    private Value compare(Expression.Comparison comparison, Scope scope) {
        Value left = value(comparison.first(), scope);
        for (Operand operand : comparison.rest()) {
            Value right = value(operand.value(), scope);
            boolean holds = switch (operand.comparator()) {
                case EQUAL -> python.equal(left, right);
                case NOT_EQUAL -> !python.equal(left, right);
                case LESS -> python.order(left, right, "<") == -1;
                case LESS_EQUAL -> python.order(left, right, "<=") <= 0;
                case GREATER -> python.order(left, right, ">") == 1;
                case GREATER_EQUAL -> (python.order(left, right, ">=") & ~1) == 0;
                case IN -> python.arithmetic().contains(right, left);
                case NOT_IN -> !python.arithmetic().contains(right, left);
            };
            if (!holds) {
                return Value.Bool.FALSE;
            }
            left = right;
        }
        return Value.Bool.TRUE;
    }

    private Value call(Expression.Call call, Optional<Value> caller, Scope scope) {
        Value callee = value(call.callee(), scope);
        Arguments arguments = arguments(call.passed(), caller, scope);
        Python.failIfUndefined(callee);
        if (!(callee instanceof Value.Function function)) {
            throw call.at().place(TemplateException.failed("'" + Python.typeName(callee) + "' object is not callable"));
        }
        return placed(call.at(), () -> function.call(python, arguments));
    }

    private Value filter(Expression.Filter filter, Optional<Value> blockText, Scope scope) {
        Value subject;
        if (filter.subject().isEmpty()) {
            subject = blockText.orElseThrow();
        } else if (blockText.isPresent()) {
            subject = filter((Expression.Filter) filter.subject().get(), blockText, scope);
        } else {
            subject = value(filter.subject().get(), scope);
        }
        Arguments arguments = arguments(filter.passed(), Optional.empty(), scope);
        return placed(filter.at(), () -> Filters.apply(python, filter.name(), subject, arguments));
    }

    private Arguments arguments(Expression.Passed passed, Optional<Value> caller, Scope scope) {
        if (passed == Expression.Passed.NOTHING && caller.isEmpty()) {
            return Arguments.NONE;
        }
        List<Value> positional = values(passed.positional(), scope);
        passed.spread().ifPresent(spread -> positional.addAll(python.list(value(spread, scope))));
        Map<String, Value> named = new LinkedHashMap<>();
        for (Expression.Named argument : passed.named()) {
            named.put(argument.name(), value(argument.value(), scope));
        }
        if (passed.spreadNamed().isPresent()) {
            Value spread = value(passed.spreadNamed().get(), scope);
            Python.failIfUndefined(spread);
            if (!(spread instanceof Value.Dict dict)) {
                throw TemplateException.failed("argument after ** must be a mapping, not " + Python.typeName(spread));
            }
            for (Value.Dict.Entry entry : dict.entries()) {
                String name = Arguments.asText("keywords", entry.key()).chars();
                if (named.put(name, entry.value()) != null) {
                    throw TemplateException.failed("got multiple values for keyword argument '" + name + "'");
                }
            }
        }
        caller.ifPresent(value -> named.put("caller", value));
        return new Arguments(positional, named);
    }
}
