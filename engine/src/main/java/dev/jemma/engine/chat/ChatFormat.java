package dev.jemma.engine.chat;

import dev.jemma.engine.api.TemplateException;
import dev.jemma.engine.api.TextSpan;
import dev.jemma.engine.checkpoint.ModelFiles;
import dev.jemma.engine.checkpoint.TemplateFiles;
import dev.jemma.engine.template.ChatTemplate;
import dev.jemma.engine.template.RenderOptions;
import dev.jemma.engine.template.RenderOptions.GenerationPrompt;
import dev.jemma.engine.template.Rendering;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.NullNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * How conversations become prompts for one model: by its template, with tools written the way the template or a format has them.
 *
 * <p>A template that refuses a conversation (a system turn, tool turns, two user turns in a row) gets it once more after {@link Turns#fold}; what it
 * refuses then is the conversation's fault. Immutable and safe for threads.
 */
public final class ChatFormat {
    /** The file beside an adapter that says how it was trained to write calls. */
    public static final String FILE = ModelFiles.JEMMA;

    /** The key in {@link #FILE}. */
    public static final String TOOL_FORMAT = "tool_format";

    private final Templates templates;
    private final ToolStyle tools;
    private final RenderOptions options;

    /**
     * @param templates the model's templates
     * @param tools who writes tools
     * @param bos the token that begins a text
     * @param eos the token that ends one
     */
    public ChatFormat(Templates templates, ToolStyle tools, String bos, String eos) {
        this.templates = templates;
        this.tools = tools;
        this.options = RenderOptions.withTokens(bos, eos);
    }

    /** Conversations by one template, whether they have tools or not. */
    public ChatFormat(ChatTemplate template, ToolStyle tools, String bos, String eos) {
        this(Templates.one(template), tools, bos, eos);
    }

    /** The templates. */
    public Templates templates() {
        return templates;
    }

    /** Who writes tools. */
    public ToolStyle tools() {
        return tools;
    }

    /** Files that make an adapter remember how it was trained: the templates and the style of tools, by their paths in the adapter's folder. */
    public Map<String, String> companions() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put(TOOL_FORMAT, tools.name());
        Map<String, String> files = new HashMap<>();
        files.put(FILE, json.toPrettyString() + "\n");
        Optional<String> toolUse = templates.areOne()
                ? Optional.empty()
                : Optional.of(templates.withTools().source());
        files.putAll(TemplateFiles.of(templates.plain().source(), toolUse).files());
        return files;
    }

    /**
     * The prompt of a conversation.
     *
     * @param messages objects with role and content, tool_calls, ...
     * @param declared tool declarations in OpenAI's form; empty or null's node for none
     * @throws TemplateException if the template refuses the conversation, folded too
     */
    public Prompt render(ArrayNode messages, JsonNode declared, GenerationPrompt prompt) {
        Written written = write(messages, declared);
        return new Prompt(
                written.marks.resolve(written.render(written.messages, prompt).spans()), written.folding);
    }

    /**
     * The text of a conversation to learn from: what the assistant says is supervised, with the {@code <end_of_turn>} and line break that end its turn, and
     * nothing of its header. A template with {@code {% generation %}} blocks decides itself.
     */
    public Prompt supervise(ArrayNode messages, JsonNode declared) {
        Written written = write(messages, declared);
        Rendering whole = written.render(written.messages, GenerationPrompt.OMIT);
        boolean decides = whole.pieces().stream().anyMatch(Rendering.Piece::generated);
        List<TextSpan> spans = whole.spans();
        return new Prompt(
                written.marks.resolve(decides ? spans : Supervision.mark(spans, regions(written, whole))),
                written.folding);
    }

    /**
     * Where the answers stand in {@code whole}: each from the end of the prompt for it to the end of the text with it. A template that writes a turn otherwise when more follow (without its
     * thoughts, say) has no such prompts; then the turns are found by who wrote what.
     */
    private List<Supervision.Region> regions(Written written, Rendering whole) {
        String text = whole.text();
        List<Supervision.Region> regions = new ArrayList<>();
        for (int i = 0; i < written.messages.size(); i++) {
            if (!Turns.isAssistant(Turns.role(written.messages.get(i)))) {
                continue;
            }
            String before = written.render(head(written.messages, i), GenerationPrompt.ADD)
                    .text();
            String after = written.render(head(written.messages, i + 1), GenerationPrompt.OMIT)
                    .text();
            if (!text.startsWith(after) || !after.startsWith(before)) {
                return Supervision.byOrigin(
                        whole, header(written, text), options.specialTokens().getOrDefault("eos_token", ""));
            }
            regions.add(new Supervision.Region(before.length(), after.length()));
        }
        return regions;
    }

    /** What opens the assistant's turn: what the template adds to be answered. */
    private static String header(Written written, String whole) {
        String prompt = written.render(written.messages, GenerationPrompt.ADD).text();
        boolean added = prompt.startsWith(whole) && prompt.length() > whole.length();
        return added ? prompt.substring(whole.length()) : "<start_of_turn>model\n";
    }

    private static ArrayNode head(ArrayNode messages, int count) {
        ArrayNode head = JsonNodeFactory.instance.arrayNode();
        for (int i = 0; i < count; i++) {
            head.add(messages.get(i));
        }
        return head;
    }

    /** A conversation in the form that the template took. */
    private record Written(
            Templates templates,
            RenderOptions options,
            ArrayNode messages,
            JsonNode declared,
            StructureMarks marks,
            Prompt.Folding folding) {
        Written with(ArrayNode turns, JsonNode tools, Prompt.Folding how) {
            return new Written(templates, options, turns, tools, marks, how);
        }

        Rendering render(ArrayNode some, GenerationPrompt prompt) {
            return templates.choose(declared).trace(some, declared, options.with(prompt));
        }
    }

    private Written write(ArrayNode messages, JsonNode declared) {
        ArrayNode parsed = Turns.parseArguments(messages);
        StructureMarks marks = StructureMarks.absentFrom(parsed, declared);
        Written bare = new Written(templates, options, parsed, NullNode.getInstance(), marks, Prompt.Folding.NONE);
        Written asGiven = switch (tools) {
            case ToolStyle.ByTemplate _ -> declared.isEmpty() ? bare : bare.with(parsed, declared, Prompt.Folding.NONE);
            case ToolStyle.InTurns(var format) ->
                bare.with(
                        Turns.writeTools(parsed, declared, format, text -> marks.mark(text, format.markers())),
                        NullNode.getInstance(),
                        Prompt.Folding.NONE);
        };
        try {
            asGiven.render(asGiven.messages, GenerationPrompt.OMIT);
            return asGiven;
        } catch (TemplateException refused) {
            boolean calls = tools instanceof ToolStyle.ByTemplate && Turns.speaksOfTools(parsed, declared);
            if (refused.kind() != TemplateException.Kind.RAISED || calls) {
                throw refused;
            }
            Written folded = asGiven.with(Turns.fold(asGiven.messages), NullNode.getInstance(), Prompt.Folding.FOLDED);
            folded.render(folded.messages, GenerationPrompt.OMIT);
            return folded;
        }
    }
}
