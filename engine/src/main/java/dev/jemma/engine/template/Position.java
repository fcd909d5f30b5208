package dev.jemma.engine.template;

/** A place in a template's source, both from 1. */
record Position(int line, int column) {
    /** The complaint that what stands here is no template. */
    TemplateException syntax(String reason) {
        return TemplateException.syntax(line, column, reason);
    }

    /** A complaint, placed here if it has no place yet. */
    TemplateException place(TemplateException complaint) {
        return complaint.at(line, column);
    }
}
