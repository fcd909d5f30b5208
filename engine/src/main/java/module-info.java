/** Gemma in one JVM: checkpoints, tokenizer, templates, model, LoRA, training and generation. */
module dev.jemma.engine {
    requires transitive tools.jackson.databind;
    requires jdk.incubator.vector;
    requires dev.jemma.cuda;
    requires java.management;
    requires jdk.management;
    requires static org.jspecify;

    exports dev.jemma.engine;
    exports dev.jemma.engine.api;
    exports dev.jemma.engine.chat;
    exports dev.jemma.engine.generate;
    exports dev.jemma.engine.template;
    exports dev.jemma.engine.tokenizer;
    exports dev.jemma.engine.toolcall;
    exports dev.jemma.engine.io to
            dev.jemma.cli;
    exports dev.jemma.engine.inspect to
            dev.jemma.cli;
    exports dev.jemma.engine.checkpoint to
            dev.jemma.cli;
    exports dev.jemma.engine.checkpoint.config to
            dev.jemma.cli;
    exports dev.jemma.engine.gemma to
            dev.jemma.cli;
    exports dev.jemma.engine.lora to
            dev.jemma.cli;
    exports dev.jemma.engine.safetensors to
            dev.jemma.cli;
    exports dev.jemma.engine.tensor to
            dev.jemma.cli;
    exports dev.jemma.engine.train to
            dev.jemma.cli;
    exports dev.jemma.engine.eval to
            dev.jemma.cli;
}
