package dev.jemma.engine.toolcall;

/** What had to be forgiven to read a call. Each is applied only where the strict grammar has no reading. */
public enum Repair {
    /** Python's spelling: single quotes, {@code True}, {@code False}, {@code None}, tuples, {@code \x41}. */
    PYTHON_LITERAL,
    /** A comma before a closing bracket. */
    TRAILING_COMMA,
    /** No comma between two entries. */
    MISSING_COMMA,
    /** Brackets left open at the end of the call. */
    MISSING_CLOSER,
    /** Closing brackets too many at the end of the call. */
    EXTRA_CLOSER,
    /** No closing marker before the next call's opening marker. */
    MISSING_CLOSE_MARKER,
    /** Several objects between one pair of markers, one after the other. */
    SEVERAL_OBJECTS,
    /** A list of calls between one pair of markers. */
    CALL_LIST,
    /** The call inside a Markdown fence. */
    MARKDOWN_FENCE,
    /** The call inside an object with the key {@code function}, as chat APIs have it. */
    FUNCTION_WRAPPER,
    /** {@code arguments} is a string that holds the object. */
    ARGUMENTS_AS_STRING,
    /** {@code arguments} is called {@code parameters}. */
    PARAMETERS_KEY,
    /** No arguments at all, or null, or an empty string: an empty object. */
    MISSING_ARGUMENTS,
    /** An entry beside name and arguments; ignored. */
    EXTRA_KEY,
    /** The same key twice in an object. */
    DUPLICATE_KEY,
    /** A key without quotes, where the format wants them. */
    BARE_KEY,
    /** A key in quotes, where the format wants none. */
    QUOTED_KEY,
    /** A line break or another control character inside a quoted string. */
    CONTROL_CHARACTER,
    /** A backslash before a character that needs none; kept. */
    UNKNOWN_ESCAPE,
    /** A number as programming languages write it: {@code +1}, {@code .5}, {@code 5.}. */
    NUMBER_SPELLING,
    /** The word {@code call}, or the colon after it, left out. */
    CALL_PREFIX,
    /** Round brackets around the arguments. */
    ROUND_BRACKETS,
    /** {@code =} between key and value. */
    EQUALS_SIGN,
    /** A string in quotes, where the format has a delimiter of its own. */
    QUOTED_STRING,
    /** A string with no delimiters. */
    BARE_STRING,
    /** A string's opening delimiter left out. */
    MISSING_OPENING_DELIMITER,
    /** A delimiter inside a string, taken as text. */
    INNER_DELIMITER
}
