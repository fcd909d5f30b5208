package dev.jemma.engine.template.syntax;

import dev.jemma.engine.template.value.Text;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** A statement of a template. */
public sealed interface Statement {
    /** Text outside of tags. */
    record Data(Text text) implements Statement {}

    record Print(Expression value) implements Statement {}

    record If(List<Branch> branches, List<Statement> otherwise) implements Statement {}

    record Branch(Expression test, List<Statement> body) {}

    record For(
            Position at,
            Target target,
            Expression items,
            Optional<Expression> condition,
            boolean recursive,
            List<Statement> body,
            List<Statement> otherwise)
            implements Statement {}

    record Assign(Position at, Target target, Expression value) implements Statement {}

    /** {@code {% set x %}...{% endset %}}. */
    record AssignBlock(Position at, Target target, Optional<Expression> filter, List<Statement> body)
            implements Statement {}

    record Macro(Position at, String name, Signature signature, List<Statement> body) implements Statement {}

    /** {@code {% call(params) macro(...) %}...{% endcall %}}. */
    record CallBlock(Position at, Signature signature, Expression.Call call, List<Statement> body)
            implements Statement {}

    record FilterBlock(Expression filter, List<Statement> body) implements Statement {}

    record With(Position at, List<Target> targets, List<Expression> values, List<Statement> body)
            implements Statement {}

    /** {@code {% generation %}}: what the assistant wrote. */
    record Generation(List<Statement> body) implements Statement {}

    /**
     * {@code {% block %}}: without inheritance it stands where it is, but sees the outermost names only, unless scoped.
     */
    record Block(boolean scoped, List<Statement> body) implements Statement {}

    enum Jump implements Statement {
        BREAK,
        CONTINUE
    }

    /**
     * The parameters of a macro.
     *
     * @param catches which of the names caller, varargs and kwargs the body uses
     */
    record Signature(List<Parameter> parameters, Set<String> catches) {}

    record Parameter(String name, Optional<Expression> otherwise) {}

    /** What can be assigned to. */
    sealed interface Target {
        record Variable(String name) implements Target {}

        record Several(List<Target> targets) implements Target {}

        record NamespaceAttribute(Position at, String namespace, String attribute) implements Target {}
    }
}
