package dev.jemma.engine.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.ToolCall;
import dev.jemma.engine.api.ToolSpec;
import dev.jemma.engine.toolcall.LooseJson;
import dev.jemma.tests.RandomConversations;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** What is read from JSON as messages and tools, and what is refused. */
final class ConversationTest {
    private static final JsonMapper JSON = JsonMapper.shared();

    @TempDir
    private Path folder;

    private static JsonNode json(String text) {
        return JSON.readTree(text.replace('\'', '"'));
    }

    private static ToolCall call() {
        return new ToolCall("f", (ObjectNode) json("{'a': 1}"));
    }

    @Test
    void messagesAreWrittenAsTemplatesKnowThemAndReadBackEqual() {
        List<Message> messages = List.of(
                new Message.System("s"),
                new Message.User("u"),
                new Message.Assistant("so", List.of(new Message.IssuedCall("call_1", call()))),
                new Message.Assistant("", List.of(new Message.IssuedCall("", call()))),
                new Message.Assistant("a", List.of()),
                new Message.ToolResult("call_1", "f", JsonNodeFactory.instance.stringNode("{\"a\": [1]}")),
                new Message.ToolResult("", "", JsonNodeFactory.instance.stringNode("r")),
                Message.of("developer", "d"));
        Conversation conversation = Conversation.of(
                messages, List.of(new ToolSpec("f", "does f", (ObjectNode) json("{'type': 'object'}"))));
        assertThat(conversation.toJson().toString().replace("\\\"", "`").replace('"', '\''))
                .isEqualTo(
                        "{'messages':[{'role':'system','content':'s'},{'role':'user','content':'u'},"
                                + "{'role':'assistant','content':'so','tool_calls':[{'id':'call_1','type':'function','function':{'name':'f','arguments':{'a':1}}}]},"
                                + "{'role':'assistant','content':'','tool_calls':[{'type':'function','function':{'name':'f','arguments':{'a':1}}}]},"
                                + "{'role':'assistant','content':'a'},{'role':'tool','tool_call_id':'call_1','name':'f','content':'{`a`: [1]}'},"
                                + "{'role':'tool','content':'r'},{'role':'developer','content':'d'}],"
                                + "'tools':[{'type':'function','function':{'name':'f','description':'does f','parameters':{'type':'object'}}}]}");
        assertThat(Conversation.of(conversation.toJson())).isEqualTo(conversation);
        assertThat(new Message.ToolResult("1", "f", LooseJson.parse("{\"a\": [1]}")).text())
                .as("a result that is no text is shown as its JSON")
                .isEqualTo("{\"a\": [1]}");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '#',
            value = {
                "[{'role': 'user', 'content': 'q'}]",
                "{'messages': [{'role': 'user', 'content': 'q'}]}",
                "{'messages': [{'role': 'user', 'content': 'q'}], 'tools': null}",
                "{'messages': [{'role': 'user', 'content': 'q'}], 'tools': []}",
                "{'messages': [{'role': 'user', 'content': 'q'}], 'tools': ' '}",
                "{'messages': [{'role': 'user', 'content': 'q', 'tool_calls': null}], 'tools': '[]'}",
                "{'conversations': [{'from': 'human', 'value': 'q'}], 'id': 7}",
                "{'conversations': [{'role': 'user', 'content': 'q'}]}",
            })
    void aQuestionHasManyForms(String form) {
        Conversation conversation = Conversation.of(json(form));
        assertThat(conversation).isEqualTo(Conversation.of(List.of(new Message.User("q")), List.of()));
        assertThat(conversation.answer()).isEmpty();
        assertThat(conversation.question()).isEqualTo(conversation);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '#',
            value = {
                "{'role': 'assistant', 'content': null, 'tool_calls': [{'type': 'function', 'function': {'name': 'f', 'arguments': {'a': 1}}}]}",
                "{'role': 'assistant', 'content': '', 'tool_calls': [{'type': 'function', 'function': {'name': 'f', 'arguments': '{`a`: 1}'}}]}",
                "{'role': 'assistant', 'content': '', 'tool_calls': [{'name': 'f', 'arguments': {'a': 1}}]}",
                "{'role': 'assistant', 'content': '', 'tool_calls': [{'type': 'function', 'name': 'f', 'arguments': '{`a`: 1}'}]}",
                "{'from': 'gpt', 'value': null, 'tool_calls': [{'name': 'f', 'arguments': {'a': 1}}]}",
            })
    void aCallHasManyForms(String form) {
        Message message = Message.of(json(form.replace("`", "\\'").replace("\\'", "\\\"")));
        assertThat(message.calls()).containsExactly(new Message.IssuedCall("", call()));
        assertThat(message.text()).isEmpty();
        assertThat(message.isAssistant()).isTrue();
    }

    @Test
    void aCallWithoutArgumentsHasNone() {
        for (String function :
                List.of("{'name': 'f'}", "{'name': 'f', 'arguments': null}", "{'name': 'f', 'arguments': ''}")) {
            assertThat(Message.of(json("{'role': 'assistant', 'tool_calls': [{'function': " + function + "}]}"))
                            .calls()
                            .getFirst()
                            .call()
                            .arguments())
                    .as(function)
                    .isEmpty();
        }
    }

    @Test
    void toolsHaveManyFormsAndKeepWhatElseIsSaidOfThem() {
        String function = "{'name': 'f', 'description': 'd', 'parameters': {'type': 'object'}, 'strict': true}";
        for (String form : List.of(
                "[{'type': 'function', 'function': " + function + "}]",
                "[" + function + "]",
                "[" + function.replaceFirst("\\{", "{'type': 'function', ") + "]")) {
            for (JsonNode tools : List.of(
                    json(form), JsonNodeFactory.instance.stringNode(json(form).toString()))) {
                assertThat(Conversation.tools(tools)).as(form).singleElement().satisfies(tool -> {
                    assertThat(tool.spec()).isEqualTo(new ToolSpec("f", "d", (ObjectNode) json("{'type': 'object'}")));
                    assertThat(tool.json()).isEqualTo(json("{'type': 'function', 'function': " + function + "}"));
                });
            }
        }
        assertThat(Conversation.tools(json("[{'name': 'f'}]")).getFirst().spec().parameters())
                .isEqualTo(json("{'type': 'object', 'properties': {}}"));
    }

    @Test
    void promptAndCompletionOfMessagesAreOneConversation() {
        Conversation conversation = Conversation.of(
                json(
                        "{'prompt': [{'role': 'user', 'content': 'q'}], 'completion': [{'role': 'assistant', 'content': 'a'}]}"));
        assertThat(conversation.messages())
                .containsExactly(new Message.User("q"), new Message.Assistant("a", List.of()));
        assertThat(conversation.question().messages()).containsExactly(new Message.User("q"));
        assertThat(Conversation.isIn(json("{'prompt': 'p', 'completion': 'c'}")))
                .isFalse();
    }

    @Test
    void whatATemplateMayReadIsKeptAsItWas() {
        String message =
                "{\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}],\"role\":\"model\",\"reasoning\":\"r\"}";
        Message read = Message.of(json(message));
        assertThat(read).isInstanceOf(Message.Given.class);
        assertThat(read.toJson()).hasToString(message);
        assertThat(read.role()).isEqualTo("model");
        assertThat(read.text()).isEqualTo("ab");
        assertThat(read.isAssistant()).isTrue();
        String order =
                "{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"function\":{\"arguments\":{\"b\":1,\"a\":2},\"name\":\"f\"},\"id\":\"x\"}]}";
        assertThat(Message.of(json(order)).toJson()).hasToString(order);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '#',
            value = {
                "{'messages': [{'role': 7, 'content': ''}]}#/messages/0/role#messages[0].role is 7, wanted a string",
                "{'messages': [{'content': ''}]}#/messages/0/role#messages[0].role is missing, wanted a string",
                "{'messages': [{'role': 'user'}]}#/messages/0/content#messages[0].content is missing, wanted a string",
                "{'messages': [{'role': 'user', 'content': null}]}#/messages/0/content#messages[0].content is null, wanted a string",
                "{'messages': [{'role': 'assistant', 'content': null, 'tool_calls': []}]}#/messages/0/content#messages[0].content is null, wanted a string",
                "{'messages': {}}#/messages#messages is {}, wanted a list of messages",
                "{}#/messages#messages is missing, wanted a list of messages",
                "[5]#/0#messages[0] is 5, wanted an object with role and content",
                "{'conversations': []}#/conversations#conversations is [], wanted a list of messages",
                "{'prompt': [], 'completion': [{'role': 'user', 'content': 'q'}]}#/prompt#prompt is [], wanted a list of messages",
                "{'messages': [], 'tools': {}}#/tools#tools is {}, wanted a list of tool declarations",
                "{'messages': [], 'tools': '['}#/tools#tools is a string that is no JSON",
                "{'messages': [], 'tools': [{'function': {}}]}#/tools/0#tools[0] is {\"function\":{}}, wanted a function with a name",
                "{'messages': [{'role': 'assistant', 'tool_calls': 5}]}#/messages/0/tool_calls#messages[0].tool_calls is 5, wanted a list of calls",
                "{'messages': [{'role': 'assistant', 'tool_calls': [1]}]}#/messages/0/tool_calls/0#messages[0].tool_calls[0] is 1, wanted a function with name and arguments",
                "{'messages': [{'role': 'assistant', 'tool_calls': [{'function': {'name': 'f', 'arguments': 5}}]}]}#/messages/0/tool_calls/0#messages[0].tool_calls[0].arguments is 5, wanted a JSON object",
                "{'messages': [{'role': 'assistant', 'tool_calls': [{'function': {'name': 'f', 'arguments': '[1,2]'}}]}]}#/messages/0/tool_calls/0#messages[0].tool_calls[0].arguments is \"[1,2]\", wanted a JSON object",
                "{'messages': [{'role': 'assistant', 'tool_calls': [{'function': {'name': 'f', 'arguments': '{'}}]}]}#/messages/0/tool_calls/0#messages[0].tool_calls[0].arguments is \"{\", wanted a JSON object",
            })
    void complaintsNameThePartTheValueAndTheWish(String form, String pointer, String message) {
        assertThatThrownBy(() -> Conversation.of(json(form)))
                .isInstanceOfSatisfying(
                        ConversationException.class,
                        e -> assertThat(e.pointer()).isEqualTo(pointer))
                .hasMessageStartingWith(message);
    }

    @Test
    void numbersThatNoTemplateCanHoldAreRefused() {
        JsonNode number = dev.jemma.engine.io.JsonSource.parse(
                "[{\"role\": \"assistant\", \"tool_calls\": [{\"name\": \"f\", \"arguments\": {\"a\": [0, 1e400]}}]}]");
        assertThatThrownBy(() -> Conversation.of(number))
                .hasMessage(
                        "messages[0].tool_calls[0].function.arguments.a[1] is 1E+400, wanted a number within the range of a double");
        JsonNode inString = json("[{'role': 'assistant', 'tool_calls': [{'name': 'f', 'arguments': '{}'}]}]");
        ((ObjectNode) inString.get(0).get("tool_calls").get(0)).put("arguments", "{\"a\": -1e999}");
        assertThatThrownBy(() -> Conversation.of(inString)).hasMessageContaining(".a is -1E+999, wanted a number");
    }

    @Test
    void whateverIsReadIsWrittenAndReadBackEqualAndTheSourceStaysAsItWas() {
        var random = new SplittableRandom(8);
        for (int i = 0; i < 2000; i++) {
            ObjectNode row = RandomConversations.row(random);
            String before = row.toString();
            Conversation read = Conversation.of(row);
            assertThat(row).hasToString(before);
            Conversation again = Conversation.of(read.toJson());
            assertThat(again).as(before).isEqualTo(read);
            assertThat(again.toJson()).hasToString(read.toJson().toString());
        }
    }

    @Test
    void filesOfTheirOwnHoldConversationsAndTools() throws IOException {
        Path file = folder.resolve("talk.json");
        Conversation conversation = Conversation.of(List.of(new Message.User("é")), List.of());
        ConversationFile.write(file, conversation);
        assertThat(Files.readString(file)).contains("\"content\" : \"é\"").endsWith("}\n");
        assertThat(ConversationFile.read(file)).isEqualTo(conversation);
        Files.writeString(file, "\uFEFF[{\"role\": \"user\",\n \"content\": 3}]");
        assertThatThrownBy(() -> ConversationFile.read(file))
                .isInstanceOf(FormatException.class)
                .hasMessage("talk.json:2:13: messages[0].content is 3, wanted a string");
        for (String other : List.of("{\"role\": \"user\"}", "7")) {
            Files.writeString(file, other);
            assertThatThrownBy(() -> ConversationFile.read(file))
                    .hasMessage("talk.json: wanted a list of messages, or an object with messages and tools");
        }
        Files.writeString(file, "[]");
        assertThatThrownBy(() -> ConversationFile.read(file))
                .hasMessage("talk.json: wanted a list of messages, and this one is empty");
        for (String tools : List.of("[{\"name\": \"f\"}]", "{\"tools\": [{\"function\": {\"name\": \"f\"}}]}")) {
            Files.writeString(file, tools);
            assertThat(ConversationFile.tools(file))
                    .singleElement()
                    .satisfies(tool -> assertThat(tool.spec().name()).isEqualTo("f"));
        }
        Files.writeString(file, "[{\"name\": \"f\"},\n 9]");
        assertThatThrownBy(() -> ConversationFile.tools(file))
                .hasMessage("talk.json:2:2: tools[1] is 9, wanted a function with a name");
        Files.writeString(file, "{}");
        assertThatThrownBy(() -> ConversationFile.tools(file))
                .hasMessage("talk.json: wanted a list of tool declarations");
    }
}
