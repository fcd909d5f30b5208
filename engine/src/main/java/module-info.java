/** Gemma in one JVM: checkpoints, tokenizer, templates, model, LoRA, training and generation. */
module dev.jemma.engine {
    requires transitive tools.jackson.databind;
    requires jdk.incubator.vector;
    requires dev.jemma.cuda;
    requires java.management;
    requires jdk.management;
    requires static org.jspecify;

    exports dev.jemma.engine.api;
    exports dev.jemma.engine.toolcall;
    exports dev.jemma.engine.eval to
            dev.jemma.cli;
}
