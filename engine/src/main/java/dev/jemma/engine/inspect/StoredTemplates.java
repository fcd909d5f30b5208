package dev.jemma.engine.inspect;

import dev.jemma.engine.checkpoint.TemplateFiles;
import java.util.List;
import tools.jackson.databind.node.ObjectNode;

/**
 * The chat templates of a folder or file.
 *
 * @param source the file that they come from
 * @param names what they are called there; empty if there are none
 */
public record StoredTemplates(String source, List<String> names) {
    public StoredTemplates {
        names = List.copyOf(names);
    }

    static StoredTemplates of(TemplateFiles files) {
        return new StoredTemplates(files.source(), List.copyOf(files.byName().keySet()));
    }

    void writeTo(ObjectNode json) {
        if (!names.isEmpty()) {
            json.put("chat_template_file", source);
            names.forEach(json.putArray("chat_templates")::add);
        }
    }
}
