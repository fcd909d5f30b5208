package dev.jemma.engine.chat;

import dev.jemma.engine.template.ChatTemplate;
import java.util.List;
import java.util.Optional;

/**
 * The templates that a model writes conversations by. Most have one; some have a further one named {@code tool_use},
 * which transformers takes whenever tools are given (tokenization_utils_base.py, get_chat_template).
 *
 * @param plain for conversations without tools
 * @param withTools for conversations with tools; often the same
 */
public record Templates(ChatTemplate plain, ChatTemplate withTools) {
    /**
     * Parses a template and, if there is one, the further one for tools.
     *
     * @throws dev.jemma.engine.template.TemplateException if one is malformed
     */
    public static Templates parse(String plain, Optional<String> withTools) {
        ChatTemplate template = ChatTemplate.parse(plain);
        return new Templates(template, withTools.map(ChatTemplate::parse).orElse(template));
    }

    /** The one for a conversation that declares these tools. */
    ChatTemplate choose(List<DeclaredTool> tools) {
        return tools.isEmpty() ? plain : withTools;
    }

    boolean areOne() {
        return plain == withTools;
    }
}
