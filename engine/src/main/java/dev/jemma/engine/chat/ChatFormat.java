package dev.jemma.engine.chat;

import dev.jemma.engine.api.ModelFiles;
import dev.jemma.engine.api.TemplateException;
import dev.jemma.engine.api.TextSpan;
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
 * How conversations become prompts for one model: by its template, with tools written the way the template or a format
 * has them.
 *
 * <p>A template that refuses a conversation (a system turn, tool turns, two user turns in a row) gets it once more
 * after {@link Turns#fold}; what it refuses then is the conversation's fault. Immutable and safe for threads.
 */
public final class ChatFormat {
    /** The key in {@link ModelFiles#JEMMA} that says who writes tools. */
    public static final String TOOL_FORMAT = "tool_format";

    private final Templates templates;
    private final ToolStyle tools;
    private final RenderOptions options;

    /** The fate of a conversation that the template refuses. */
    private enum Refused {
        /** It is folded and given to the template once more. */
        FOLD,
        /** The template's exception says so. */
        REPORT
    }

    /**
     * @param templates the model's templates
     * @param tools who writes tools
     * @param tokens what templates call {@code bos_token} and {@code eos_token}
     */
    public ChatFormat(Templates templates, ToolStyle tools, SpecialTokens tokens) {
        this.templates = templates;
        this.tools = tools;
        this.options = RenderOptions.withTokens(tokens.bos(), tokens.eos());
    }

    /** The templates. */
    public Templates templates() {
        return templates;
    }

    /** The writer of tools. */
    public ToolStyle tools() {
        return tools;
    }

    /**
     * Files that make an adapter remember how it was trained: the templates and the style of tools, by their paths in
     * the adapter's folder.
     */
    public Map<String, String> companions() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put(TOOL_FORMAT, tools.name());
        Map<String, String> files = new HashMap<>();
        files.put(ModelFiles.JEMMA, json.toPrettyString() + "\n");
        Optional<String> toolUse = templates.areOne()
                ? Optional.empty()
                : Optional.of(templates.withTools().source());
        files.putAll(TemplateFiles.of(templates.plain().source(), toolUse).files());
        return files;
    }

    /**
     * The prompt for the next answer.
     *
     * @throws TemplateException if the template refuses the conversation, folded too
     * @throws IllegalArgumentException if there are tools or calls that the template would leave out
     */
    public Prompt prompt(Conversation conversation) {
        return render(conversation, GenerationPrompt.ADD);
    }

    /** As {@link #prompt}, to be answered or not. */
    public Prompt render(Conversation conversation, GenerationPrompt ending) {
        return write(conversation, Refused.FOLD).prompt(ending);
    }

    /** As {@link #render}, but a conversation that the template refuses is not folded. */
    public Prompt renderUnfolded(Conversation conversation, GenerationPrompt ending) {
        return write(conversation, Refused.REPORT).prompt(ending);
    }

    /**
     * The text of a conversation to learn from: what the assistant says is supervised, with the {@code <end_of_turn>}
     * and line break that end its turn, and nothing of its header. A template with {@code {% generation %}} blocks
     * decides itself.
     *
     * @throws TemplateException if the template refuses the conversation, folded too
     * @throws IllegalArgumentException if there are tools or calls that the template would leave out
     */
    public Prompt supervise(Conversation conversation) {
        Accepted accepted = write(conversation, Refused.FOLD);
        Written written = accepted.written;
        Rendering whole = accepted.whole;
        boolean decides = whole.pieces().stream().anyMatch(Rendering.Piece::generated);
        List<TextSpan> spans = whole.spans();
        return written.prompt(decides ? spans : Supervision.mark(spans, regions(written, whole)));
    }

    /**
     * Where the answers stand in {@code whole}: each from the end of the prompt for it to the end of the text with it.
     * A template that writes a turn otherwise when more follow (without its thoughts, say) has no such prompts; then
     * the turns are found by who wrote what.
     */
    private List<Supervision.Region> regions(Written written, Rendering whole) {
        String text = whole.text();
        List<Supervision.Region> regions = new ArrayList<>();
        for (int i = 0; i < written.messages.size(); i++) {
            if (!written.messages.get(i).isAssistant()) {
                continue;
            }
            String before = written.head(i, GenerationPrompt.ADD).text();
            String after = i + 1 == written.messages.size()
                    ? text
                    : written.head(i + 1, GenerationPrompt.OMIT).text();
            if (!text.startsWith(after) || !after.startsWith(before)) {
                return Supervision.byOrigin(
                        whole, header(written, text), options.specialTokens().getOrDefault("eos_token", ""));
            }
            regions.add(new Supervision.Region(before.length(), after.length()));
        }
        return regions;
    }

    /** The opening of the assistant's turn: the text that the template adds to be answered. */
    private static String header(Written written, String whole) {
        String prompt = written.render(GenerationPrompt.ADD).text();
        boolean added = prompt.startsWith(whole) && prompt.length() > whole.length();
        return added ? prompt.substring(whole.length()) : "<start_of_turn>model\n";
    }

    /**
     * A conversation in the form that the template took.
     *
     * @param json the messages as the template takes them
     * @param declared the tools that the template is to write; null's node for none
     */
    private record Written(
            ChatTemplate template,
            RenderOptions options,
            List<Message> messages,
            ArrayNode json,
            JsonNode declared,
            StructureMarks marks,
            Prompt.Folding folding) {
        Rendering render(GenerationPrompt ending) {
            return template.trace(json, declared, options.with(ending));
        }

        /** The first {@code count} messages. */
        Rendering head(int count, GenerationPrompt ending) {
            ArrayNode head = JsonNodeFactory.instance.arrayNode();
            for (int i = 0; i < count; i++) {
                head.add(json.get(i));
            }
            return template.trace(head, declared, options.with(ending));
        }

        Prompt prompt(List<TextSpan> spans) {
            return new Prompt(marks.resolve(spans), folding);
        }
    }

    /** A conversation that the template took, and what it made of it, without the header of a further answer. */
    private record Accepted(Written written, Rendering whole) {
        static Accepted by(Written written) {
            return new Accepted(written, written.render(GenerationPrompt.OMIT));
        }

        Prompt prompt(GenerationPrompt ending) {
            Rendering rendering = switch (ending) {
                case OMIT -> whole;
                case ADD -> written.render(GenerationPrompt.ADD);
            };
            return written.prompt(rendering.spans());
        }
    }

    private Accepted write(Conversation conversation, Refused policy) {
        StructureMarks marks = StructureMarks.absentFrom(conversation);
        Written asGiven = switch (tools) {
            case ToolStyle.ByTemplate _ -> byTemplate(conversation, marks);
            case ToolStyle.InTurns(var format) ->
                written(
                        Turns.writeTools(conversation, format, text -> marks.mark(text, format.markers())),
                        List.of(),
                        marks,
                        Prompt.Folding.NONE);
        };
        try {
            return Accepted.by(asGiven);
        } catch (TemplateException refused) {
            boolean calls = tools instanceof ToolStyle.ByTemplate && Turns.speaksOfTools(conversation);
            if (policy == Refused.REPORT || refused.kind() != TemplateException.Kind.RAISED || calls) {
                throw refused;
            }
            return Accepted.by(written(Turns.fold(asGiven.messages), List.of(), marks, Prompt.Folding.FOLDED));
        }
    }

    /**
     * The template writes tools and calls, or the conversation has none: what it does not know it would leave out
     * without a word.
     */
    private Written byTemplate(Conversation conversation, StructureMarks marks) {
        Written written = written(conversation.messages(), conversation.tools(), marks, Prompt.Folding.NONE);
        String source = written.template.source();
        boolean calls = conversation.messages().stream()
                .anyMatch(message -> !message.calls().isEmpty());
        if (!conversation.tools().isEmpty() && !ToolStyle.knowsTools(source)) {
            throw new IllegalArgumentException("the conversation declares tools, and the chat template knows none;"
                    + " the tool format hermes writes them in the template's turns");
        }
        if (calls && !ToolStyle.knowsCalls(source)) {
            throw new IllegalArgumentException("the conversation has tool_calls, and the chat template knows none;"
                    + " the tool format hermes writes them in the template's turns");
        }
        return written;
    }

    private Written written(
            List<Message> messages, List<DeclaredTool> declared, StructureMarks marks, Prompt.Folding folding) {
        return new Written(
                templates.choose(declared),
                options,
                messages,
                Conversation.json(messages),
                declared.isEmpty() ? NullNode.getInstance() : DeclaredTool.json(declared),
                marks,
                folding);
    }
}
