/** Gemma in one JVM: checkpoints, tokenizer, templates, model, LoRA, training and generation. */
module dev.jemma.engine {
    requires transitive tools.jackson.databind;
    requires jdk.incubator.vector;
    requires java.management;
    requires jdk.management;
    requires static org.jspecify;

    exports dev.jemma.engine;
    exports dev.jemma.engine.api;
    exports dev.jemma.engine.chat;
    exports dev.jemma.engine.constraint;
    exports dev.jemma.engine.eval;
    exports dev.jemma.engine.inspect;
    exports dev.jemma.engine.template;
    exports dev.jemma.engine.tokenizer;
    exports dev.jemma.engine.toolcall;
    exports dev.jemma.engine.io to
            dev.jemma.cli;
}
