package dev.jemma.engine.template.syntax;

/**
 * A token of a template.
 *
 * @param text the operator, name, digits, unescaped string, or template text
 */
record Token(Type type, String text, Position at) {
    enum Type {
        DATA,
        VARIABLE_BEGIN,
        VARIABLE_END,
        BLOCK_BEGIN,
        BLOCK_END,
        NAME,
        STRING,
        INTEGER,
        FLOAT,
        OPERATOR,
        END
    }

    boolean is(Type wanted) {
        return type == wanted;
    }

    boolean operator(String wanted) {
        return type == Type.OPERATOR && text.equals(wanted);
    }

    boolean name(String wanted) {
        return type == Type.NAME && text.equals(wanted);
    }

    /** The token as an error message names it. */
    String describe() {
        return switch (type) {
            case DATA -> "template data / text";
            case VARIABLE_BEGIN -> "begin of print statement";
            case VARIABLE_END -> "end of print statement";
            case BLOCK_BEGIN -> "begin of statement block";
            case BLOCK_END -> "end of statement block";
            case STRING -> "string";
            case INTEGER -> "integer";
            case FLOAT -> "float";
            case NAME, OPERATOR -> text;
            case END -> "end of template";
        };
    }
}
