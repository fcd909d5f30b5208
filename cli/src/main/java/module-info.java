/** The jemma command; the only module that prints or exits. */
module dev.jemma.cli {
    requires dev.jemma.agent;
    requires dev.jemma.cuda;
    requires dev.jemma.engine;
    requires info.picocli;
    requires tools.jackson.databind;
    requires static org.jspecify;

    opens dev.jemma.cli to
            info.picocli;
}
