/** Annotated Java methods as tools of a language model: codec, binder and loop. */
module dev.jemma.agent {
    requires transitive dev.jemma.engine;
    requires transitive tools.jackson.databind;
    requires static org.jspecify;

    exports dev.jemma.agent;
    exports dev.jemma.agent.bind;
}
