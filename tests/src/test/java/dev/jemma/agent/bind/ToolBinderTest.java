package dev.jemma.agent.bind;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.agent.Param;
import dev.jemma.agent.Tool;
import dev.jemma.engine.api.ToolCall;
import dev.jemma.engine.eval.SchemaCheck;
import dev.jemma.engine.toolcall.Repair;
import dev.jemma.engine.toolcall.ToolCallFormat;
import java.lang.reflect.InvocationTargetException;
import java.math.BigDecimal;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.function.Supplier;
import javax.tools.ToolProvider;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

final class ToolBinderTest {
    private static final JsonMapper JSON = new JsonMapper();

    static final class Home {
        @Tool("Sets a room's temperature")
        String heat(
                @Param("room id") String room,
                @Param(value = "in degrees Celsius", defaultValue = "20.5") double celsius,
                @Param(defaultValue = "SLOW") Mode mode,
                Optional<LocalDate> until,
                @Param(name = "wait_minutes", required = false) @Nullable Integer wait) {
            return room + " " + celsius + " " + mode + " " + until + " " + wait;
        }

        @Tool
        private static int sum(int[] numbers) {
            int sum = 0;
            for (int each : numbers) {
                sum += each;
            }
            return sum;
        }
    }

    enum Mode {
        SLOW,
        VERY_FAST
    }

    private static ToolCall call(String name, String arguments) {
        return new ToolCall(name, (ObjectNode) dev.jemma.engine.toolcall.LooseJson.parse(arguments));
    }

    private static Binding bind(Object tools, String name, String arguments) {
        return ToolBinder.of(tools).bind(call(name, arguments), List.of());
    }

    private static @Nullable Object run(Object tools, String name, String arguments) throws Throwable {
        return bind(tools, name, arguments).orThrow().invoke();
    }

    @Test
    void writesSchemasFromSignatures() {
        ToolBinder binder = ToolBinder.of(new Home());
        assertThat(binder.tool("heat").orElseThrow().spec().toJson().toString()).isEqualTo("""
                        {"type":"function","function":{"name":"heat","description":"Sets a room's temperature","parameters":\
                        {"type":"object","properties":{"room":{"type":"string","description":"room id"},\
                        "celsius":{"type":"number","description":"in degrees Celsius","default":20.5},\
                        "mode":{"type":"string","enum":["SLOW","VERY_FAST"],"default":"SLOW"},\
                        "until":{"type":"string","format":"date"},"wait_minutes":{"type":"integer"}},"required":["room"]}}}""");
    }

    @Test
    void bindsAndRunsCallsInTextOfEitherFormat() throws Throwable {
        ToolBinder binder = ToolBinder.of(new Home());
        List<Binding> hermes =
                binder.bind("Sure. <tool_call>{'name': 'sum', 'arguments': {'numbers': [1, 2]}}</tool_call>");
        assertThat(hermes).hasSize(1);
        assertThat(hermes.getFirst().orThrow().repairs())
                .extracting(r -> r.repair())
                .contains(Repair.PYTHON_LITERAL);
        assertThat(hermes.getFirst().orThrow().invoke()).isEqualTo(3);
        List<Binding> gemma = binder.bind(
                "<start_function_call>call:heat{room:<escape>a<escape>,until:<escape>2026-01-31<escape>}<end_function_call>");
        assertThat(gemma.getFirst().orThrow().invoke()).isEqualTo("a 20.5 SLOW Optional[2026-01-31] null");
        assertThat(((Binding.Rejection) binder.bind("<tool_call>{").getFirst()).reason())
                .isEqualTo(Binding.Reason.MALFORMED);
    }

    static List<ToolCallFormat> formats() {
        return ToolCallFormat.all();
    }

    static final class Echo {
        @Tool
        Everything echo(Everything value) {
            return value;
        }
    }

    @ParameterizedTest
    @MethodSource("formats")
    void everyKindOfValueSurvivesTheWholeWay(ToolCallFormat format) throws Throwable {
        Random random = new Random(1);
        Supplier<String> text = () -> List.of("", "a b", "\"'\\{}[],:", "é😀\n", "true", "7", "{\"a\": 1}")
                .get(random.nextInt(7));
        ToolBinder binder = ToolBinder.of(new Echo());
        JsonNode schema = binder.specs().getFirst().parameters();
        assertThat(schema.get("$defs").propertyNames()).containsExactlyInAnyOrder("Tree", "Shape");
        for (int i = 0; i < 300; i++) {
            Everything value = Everything.random(random, text);
            ObjectNode arguments = JSON.createObjectNode().set("value", ResultWriter.write(value));
            ToolCall call = format.parse(format.write(new ToolCall("echo", arguments)))
                    .calls()
                    .getFirst();
            assertThat(SchemaCheck.problems(binder.specs(), withoutNulls(call))).isEmpty();
            ObjectNode before = call.arguments().deepCopy();
            Invocation bound = binder.bind(call, List.of()).orThrow();
            assertThat(bound.coercions()).allMatch(each -> each.kind() == Coercion.Kind.ROUNDED);
            assertThat(bound.invoke()).isEqualTo(value);
            assertThat(bound.call().arguments())
                    .as("binding leaves the call as it was")
                    .isEqualTo(before);
        }
    }

    /** Empty optionals are written as null, which binds, but which schemas do not list. */
    private static ToolCall withoutNulls(ToolCall call) {
        ObjectNode arguments = call.arguments().deepCopy();
        ((ObjectNode) arguments.get("value")).removeIf(JsonNode::isNull);
        ((ObjectNode) arguments.get("value")).remove("nested");
        ((ObjectNode) arguments.get("value")).putArray("nested");
        return new ToolCall(call.name(), arguments);
    }

    static final class Kinds {
        @Tool
        String kinds(
                Optional<Integer> i,
                Optional<Byte> b,
                Optional<Long> l,
                Optional<Double> d,
                Optional<Boolean> z,
                Optional<String> s,
                Optional<Mode> m,
                Optional<List<Integer>> list,
                Optional<LocalDate> date,
                Optional<Map<String, Integer>> map,
                Optional<java.time.LocalDateTime> at,
                Optional<Character> c,
                Optional<java.util.UUID> uuid) {
            return "ok";
        }

        @Tool(fit = Tool.Fit.STRICT)
        String strict(Optional<Integer> i, Optional<List<Integer>> list) {
            return "ok";
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "i | 3.0 | DECIMAL_TO_INTEGER",
                "i | 1e3 | DECIMAL_TO_INTEGER",
                "i | \"3\" | STRING_TO_NUMBER",
                "i | \" 3.0 \" | STRING_TO_NUMBER,DECIMAL_TO_INTEGER",
                "l | 9007199254740993 | ",
                "d | 3 | ",
                "d | 9007199254740993 | ROUNDED",
                "d | \"2.5\" | STRING_TO_NUMBER",
                "z | \"True\" | STRING_TO_BOOLEAN",
                "s | 3.10 | VALUE_TO_STRING",
                "s | true | VALUE_TO_STRING",
                "m | \"very-fast\" | SPELLING",
                "m | \"VERY_FAST\" | ",
                "list | 3 | SINGLE_TO_LIST",
                "list | \"[1, 2]\" | JSON_IN_STRING",
                "map | \"{'a': 1}\" | JSON_IN_STRING",
                "at | \"2026-01-31 17:30\" | SPELLING",
                "at | \"2026-01-31T17:30\" | ",
                "i | null | ",
                "x | 1 | EXTRA_IGNORED"
            })
    void reportsEachCoercion(String name, String json, @Nullable String kinds) throws Throwable {
        Binding binding = bind(new Kinds(), "kinds", "{\"" + name + "\": " + json + "}");
        assertThat(binding.orThrow().coercions().stream().map(c -> c.kind().name()))
                .isEqualTo(kinds == null ? List.of() : List.of(kinds.split(",")));
        assertThat(binding.orThrow().coercions()).allMatch(each -> each.path().equals(name));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "i | 3.5 | i is 3.5, wanted an integer",
                "i | 2147483648 | i is 2147483648, wanted an integer from -2147483648 to 2147483647",
                "b | 200 | b is 200, wanted an integer from -128 to 127",
                "l | 1e400 | l is 1E+400, wanted an integer from -9223372036854775808 to 9223372036854775807",
                "d | 1e400 | d is 1E+400, wanted a number within the range of a double",
                "i | \"three\" | i is \"three\", wanted an integer",
                "i | true | i is true, wanted an integer",
                "i | \"\" | i is \"\", wanted an integer",
                "z | 1 | z is 1, wanted true or false",
                "z | \"yes\" | z is \"yes\", wanted true or false",
                "s | [] | s is [], wanted a string",
                "m | \"FAST\" | m is \"FAST\", wanted one of SLOW, VERY_FAST",
                "list | [1, \"x\"] | list[1] is \"x\", wanted an integer",
                "map | {\"a\": {}} | map[a] is {}, wanted an integer",
                "date | \"tomorrow\" | date is \"tomorrow\", wanted a date like 2026-01-31",
                "date | \"2026-02-30\" | date is \"2026-02-30\", wanted a date like 2026-01-31",
                "c | \"ab\" | c is \"ab\", wanted one character",
                "uuid | \"1-1-1-1-1\" | uuid is \"1-1-1-1-1\", wanted a UUID"
            })
    void problemsNamePathValueAndWanted(String name, String json, String message) {
        Binding binding = bind(new Kinds(), "kinds", "{\"" + name + "\": " + json + "}");
        assertThat(((Binding.Rejection) binding).message()).isEqualTo(message);
        assertThat(((Binding.Rejection) binding).reason()).isEqualTo(Binding.Reason.INVALID_ARGUMENTS);
    }

    @Test
    void strictToolsCoerceNothing() {
        assertThat(((Binding.Rejection) bind(new Kinds(), "strict", "{\"i\": \"3\", \"list\": 1, \"x\": 1}")).message())
                .isEqualTo("i is \"3\", wanted an integer; list is 1, wanted an array, each item an integer; "
                        + "x is not expected, wanted only i, list");
        assertThat(((Binding.Rejection) bind(new Kinds(), "strict", "{\"i\": 3.0}")).message())
                .isEqualTo("i is 3.0, wanted an integer");
    }

    record Room(String id, @Param(defaultValue = "1") int floor, List<Lamp> lamps) {
        Room {
            if (floor < 0) {
                throw new IllegalArgumentException("floor is below the ground");
            }
        }
    }

    record Lamp(String name, double watts) {}

    static final class Rooms {
        @Tool
        String add(List<Room> rooms) {
            return rooms.toString();
        }

        @Tool
        String draw(Everything.Shape shape) {
            return shape.toString();
        }
    }

    @Test
    void problemsInsideOfRecordsNameTheirPathAndAllAreFound() throws Throwable {
        assertThat(((Binding.Rejection)
                                bind(
                                        new Rooms(),
                                        "add",
                                        "{\"rooms\": [{\"id\": \"a\", \"lamps\": []}, {\"lamps\": [{\"name\": \"x\"}, {\"name\": [], \"watts\": 1}]}]}"))
                        .message())
                .isEqualTo(
                        "rooms[1].id is missing, wanted a string; rooms[1].lamps[0].watts is missing, wanted a number; "
                                + "rooms[1].lamps[1].name is [], wanted a string");
        assertThat(((Binding.Rejection) bind(
                                new Rooms(), "add", "{\"rooms\": [{\"id\": \"a\", \"floor\": -1, \"lamps\": []}]}"))
                        .message())
                .isEqualTo("rooms[0] is no valid Room (floor is below the ground)");
        assertThat(((Binding.Rejection) bind(new Rooms(), "add", "{\"rooms\": 3}")).message())
                .isEqualTo("rooms[0] is 3, wanted an object with id, floor, lamps");
        assertThat(((Binding.Rejection) bind(new Rooms(), "draw", "{\"shape\": {\"side\": 1}}")).message())
                .isEqualTo("shape.type is missing, wanted one of Circle, Square, Group");
        assertThat(run(new Rooms(), "draw", "{\"shape\": {\"type\": \"square\", \"side\": 1}}"))
                .isEqualTo("Square[side=1]");
        assertThat(run(new Rooms(), "add", "{\"rooms\": {\"id\": \"a\", \"lamps\": []}}"))
                .isEqualTo("[Room[id=a, floor=1, lamps=[]]]");
    }

    @Test
    void namesTheMissingArgumentWhateverItsType() {
        assertThat(((Binding.Rejection) bind(new Home(), "heat", "{}")).message())
                .isEqualTo("room is missing, wanted a string");
        assertThat(((Binding.Rejection) bind(new Home(), "heat", "{\"room\": null}")).message())
                .isEqualTo("room is null, wanted a string");
        assertThat(((Binding.Rejection) bind(new Home(), "sum", "{}")).message())
                .isEqualTo("numbers is missing, wanted an array, each item an integer");
    }

    enum Direction {
        @Param(name = "left to right")
        LEFT_TO_RIGHT
    }

    static final class Odd {
        @Tool
        String numbers(Optional<Integer> i, Optional<java.math.BigInteger> big, Optional<Double> d) {
            return "ok";
        }

        @Tool
        String floors(Map<Integer, String> names) {
            return names.toString();
        }

        @Tool(fit = Tool.Fit.STRICT)
        String write(Direction direction) {
            return "ok";
        }
    }

    /** As a call from elsewhere than Jemma's own parser may have it, which refuses such exponents. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "i | an integer from -2147483648 to 2147483647",
                "big | an integer of at most 10000 digits",
                "d | a number within the range of a double"
            })
    void numbersThatAreShortToWriteAndHugeToHoldAreRefusedAtOnce(String name, String wanted) {
        ObjectNode arguments = JSON.createObjectNode().put(name, new BigDecimal("1e999999999"));
        Binding binding = ToolBinder.of(new Odd()).bind(new ToolCall("numbers", arguments), List.of());
        assertThat(((Binding.Rejection) binding).message()).isEqualTo(name + " is 1E+999999999, wanted " + wanted);
    }

    @Test
    void keysThatComeToTheSameAreRefused() {
        Binding binding = bind(new Odd(), "floors", "{\"names\": {\"1\": \"a\", \"1.0\": \"b\"}}");
        assertThat(((Binding.Rejection) binding).message())
                .isEqualTo("names[1.0] is the same key as one before, wanted each once");
    }

    @Test
    void strictFitShowsWhatWasWritten() {
        Binding binding = bind(new Odd(), "write", "{\"direction\": \"Left to Right\"}");
        assertThat(((Binding.Rejection) binding).message())
                .isEqualTo("direction is \"Left to Right\", wanted one of left to right");
    }

    @Test
    void longNamesAreShortenedInMessages() {
        Binding binding = bind(new Odd(), "x".repeat(59) + "\uD83D\uDE42".repeat(500), "{}");
        assertThat(((Binding.Rejection) binding).message())
                .isEqualTo("there is no tool '" + "x".repeat(59) + "...'; the tools are floors, numbers, write");
    }

    @Test
    void unknownToolsAreAnsweredWithTheNearestNamesFirst() {
        Binding.Rejection rejection = (Binding.Rejection) bind(new Home(), "Heet", "{}");
        assertThat(rejection.reason()).isEqualTo(Binding.Reason.UNKNOWN_TOOL);
        assertThat(rejection.message()).isEqualTo("there is no tool 'Heet'; the tools are heat, sum");
    }

    abstract static class Store<T> {
        final List<T> items = new ArrayList<>();

        @Tool("Adds")
        void put(T item, List<T> more) {
            items.add(item);
            items.addAll(more);
        }

        @Tool
        abstract int count();
    }

    interface Greeting {
        @Tool
        default String greet(@Param("who") String name) {
            return "hello " + name;
        }
    }

    static final class Books extends Store<Lamp> implements Greeting {
        @Override
        int count() {
            return items.size();
        }

        @Override
        void put(Lamp item, List<Lamp> more) {
            super.put(item, more);
        }

        @Tool
        private String hidden() {
            return "private";
        }
    }

    @Test
    void findsInheritedGenericDefaultAbstractAndPrivateMethods() throws Throwable {
        Books books = new Books();
        assertThat(ToolBinder.of(books).tools())
                .extracting(ToolMethod::name)
                .containsExactly("count", "greet", "hidden", "put");
        run(books, "put", "{\"item\": {\"name\": \"a\", \"watts\": 1}, \"more\": [{\"name\": \"b\", \"watts\": 2}]}");
        assertThat(books.items).containsExactly(new Lamp("a", 1), new Lamp("b", 2));
        assertThat(run(books, "count", "{}")).isEqualTo(2);
        assertThat(run(books, "hidden", "{}")).isEqualTo("private");
        assertThat(run(books, "greet", "{\"name\": \"x\"}")).isEqualTo("hello x");
    }

    static final class Overloaded {
        @Tool
        void set(int a) {}

        @Tool
        void set(String a) {}
    }

    static final class BadName {
        @Tool(name = "a b")
        void f() {}
    }

    static final class BadType {
        @Tool
        void f(List<Thread> a) {}
    }

    static final class BadDefault {
        @Tool
        void f(@Param(defaultValue = "x") int a) {}
    }

    static final class BadOptional {
        @Tool
        void f(@Param(required = false) int a) {}
    }

    @Test
    void refusesWhatCannotWorkWhenItIsBuilt() {
        assertThatThrownBy(() -> ToolBinder.of(new Overloaded()))
                .hasMessageMatching(
                        "two tools are called 'set': Overloaded.set\\((int|String)\\) and Overloaded.set\\((int|String)\\); "
                                + "give one another name with @Tool\\(name = \"...\"\\)");
        assertThatThrownBy(() -> ToolBinder.of(new Home(), new Home()))
                .hasMessageStartingWith("two tools are called 'heat'");
        assertThatThrownBy(() -> ToolBinder.of(new Object())).hasMessage("java.lang.Object has no method with @Tool");
        assertThatThrownBy(() -> ToolBinder.of(Books.class))
                .hasMessageEndingWith("is not static; give an object of " + Books.class.getName() + ", not the class");
        assertThatThrownBy(() -> ToolBinder.of(new BadName()))
                .hasMessage(
                        "BadName.f(): the name 'a b' cannot be used, wanted a letter, then up to 63 letters, digits, '_', '.' or '-'");
        assertThatThrownBy(() -> ToolBinder.of(new BadType()))
                .hasMessageStartingWith(
                        "BadType.f(List), parameter a: values of type java.lang.Thread cannot be bound; wanted a record");
        assertThatThrownBy(() -> ToolBinder.of(new BadDefault()))
                .hasMessage("the defaultValue of BadDefault.f(int), parameter a does not fit: "
                        + "BadDefault.f(int), parameter a is \"x\", wanted an integer");
        assertThatThrownBy(() -> ToolBinder.of(new BadOptional()))
                .hasMessageEndingWith(
                        "is of the primitive type int and not required: set a defaultValue, or use Optional or the boxed type");
    }

    @Test
    void saysWhatToDoAboutMissingParameterNames(@TempDir Path folder) throws Exception {
        Path source = Files.writeString(
                folder.resolve("Nameless.java"),
                "public class Nameless { @dev.jemma.agent.Tool public String f(int a) { return \"\"; } "
                        + "@dev.jemma.agent.Tool public static int g(@dev.jemma.agent.Param(name = \"b\") int b) { return b; } }");
        String classPath = System.getProperty("java.class.path")
                + java.io.File.pathSeparator
                + Path.of(Tool.class
                        .getProtectionDomain()
                        .getCodeSource()
                        .getLocation()
                        .toURI());
        int status = ToolProvider.getSystemJavaCompiler()
                .run(null, null, null, "-proc:none", "-cp", classPath, "-d", folder.toString(), source.toString());
        assertThat(status).isZero();
        try (URLClassLoader loader =
                new URLClassLoader(new URL[] {folder.toUri().toURL()}, Tool.class.getClassLoader())) {
            Object nameless = loader.loadClass("Nameless").getConstructor().newInstance();
            assertThatThrownBy(() -> ToolBinder.of(nameless))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage(
                            "Nameless.f(int): the name of parameter 1 is not in the class file; compile with javac -parameters, "
                                    + "or write @Param(name = \"...\")");
        } catch (InvocationTargetException e) {
            throw new AssertionError(e.getCause());
        }
    }

    @Test
    void resultsAreWrittenByTheNamesThatBindingExpects() {
        assertThat(ResultWriter.write(new Everything.Circle(2)).toString())
                .isEqualTo("{\"type\":\"Circle\",\"radius_cm\":2.0}");
        assertThat(ResultWriter.write(Everything.Color.LIGHT_RED).toString()).isEqualTo("\"light-red\"");
        assertThat(ResultWriter.write(Map.of("a", List.of(Optional.of(1), Optional.empty())))
                        .toString())
                .isEqualTo("{\"a\":[1,null]}");
        assertThat(ResultWriter.write(new double[] {1, Double.NaN}).toString()).isEqualTo("[1.0,\"NaN\"]");
        assertThat(ResultWriter.write(Set.of(LocalDate.EPOCH)).toString()).isEqualTo("[\"1970-01-01\"]");
        assertThat(ResultWriter.write(null).isNull()).isTrue();
        List<Object> loop = new ArrayList<>();
        loop.add(loop);
        assertThatThrownBy(() -> ResultWriter.write(loop))
                .hasMessage("the result contains itself: java.util.ArrayList");
    }
}
