/** The jemma command; the only module that prints or exits. */
module dev.jemma.cli {
    requires dev.jemma.agent;
    requires dev.jemma.cuda;
    requires dev.jemma.engine;
    requires info.picocli;
    requires me.tongfei.progressbar;
    requires org.jline.reader;
    requires org.jline.terminal;
    requires tools.jackson.databind;
    requires tools.jackson.dataformat.yaml;
    requires static org.jspecify;
    requires java.management;
    requires jdk.management;

    opens dev.jemma.cli to
            info.picocli;
    opens dev.jemma.cli.demo to
            dev.jemma.agent;
}
