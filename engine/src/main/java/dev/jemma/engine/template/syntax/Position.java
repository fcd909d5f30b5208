package dev.jemma.engine.template.syntax;

import dev.jemma.engine.api.TemplateException;

/** A place in a template's source, both from 1. */
public record Position(int line, int column) {
    /** The complaint that what stands here is no template. */
    TemplateException syntax(String reason) {
        return TemplateException.syntax(line, column, reason);
    }

    /** A complaint, placed here if it has no place yet. */
    public TemplateException place(TemplateException complaint) {
        return complaint.at(line, column);
    }
}
