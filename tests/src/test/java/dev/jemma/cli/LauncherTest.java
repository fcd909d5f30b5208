package dev.jemma.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The script {@code jemma} alone, with a shell script in the place of Java: what it hands through, and what it drops.
 */
final class LauncherTest {
    private static final String INCUBATOR = "WARNING: Using incubator modules: jdk.incubator.vector";

    @TempDir
    private Path folder;

    private Path root;
    private Path java;

    private record Ran(int status, String out, String err) {}

    @BeforeEach
    void layOut() throws IOException {
        root = Files.createDirectory(folder.resolve("with space"));
        Files.createDirectories(root.resolve(".mvn"));
        for (String name : List.of("jemma", ".mvn/find-jdk.sh", ".mvn/archive-classes.sh")) {
            executable(root.resolve(name), Files.readString(Path.of("..").resolve(name)));
        }
        Files.createDirectories(root.resolve("cli/target"));
        Files.writeString(root.resolve("pom.xml"), "");
        for (String module : List.of("cuda-bindings", "engine", "agent-sdk", "cli")) {
            Files.createDirectories(root.resolve(module).resolve("src/main"));
            Files.writeString(root.resolve(module).resolve("pom.xml"), "");
        }
        Path jdk = folder.resolve("jdk");
        Files.createDirectories(jdk.resolve("bin"));
        Files.writeString(jdk.resolve("release"), "JAVA_VERSION=\"25.0.3\"\n");
        executable(jdk.resolve("bin/javac"), "#!/bin/sh\n");
        java = jdk.resolve("bin/java");
        Files.writeString(root.resolve("cli/target/built"), "");
    }

    private static void executable(Path file, String text) throws IOException {
        Files.writeString(file, text);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    /** Runs the launcher; {@code script} is what stands for Java, once the class archive has been tried for. */
    private Ran run(String script, String stdin, String... arguments) throws IOException, InterruptedException {
        executable(java, "#!/bin/bash\ncase \"$*\" in *Xshare:dump*|*DumpLoadedClassList*) exit 1;; esac\n" + script);
        List<String> command = new ArrayList<>(List.of(root.resolve("jemma").toString()));
        command.addAll(List.of(arguments));
        Path in = Files.writeString(folder.resolve("in"), stdin);
        Path out = folder.resolve("out");
        Path err = folder.resolve("err");
        var builder = new ProcessBuilder(command)
                .redirectInput(in.toFile())
                .redirectOutput(out.toFile())
                .redirectError(err.toFile());
        builder.environment().put("JEMMA_JAVA_HOME", folder.resolve("jdk").toString());
        Process process = builder.start();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        return new Ran(process.exitValue(), Files.readString(out), Files.readString(err));
    }

    @Test
    void dataStaysOnStdoutAndTheIncubatorLineGoes() throws IOException, InterruptedException {
        Ran ran = run("echo '" + INCUBATOR + "' >&2; echo data; echo progress >&2; exit 7", "");
        assertThat(ran).isEqualTo(new Ran(7, "data\n", "progress\n"));
    }

    @Test
    void onlyThatLineGoesAndOnlyWhereJavaPrintsIt() throws IOException, InterruptedException {
        assertThat(run("echo first >&2; echo '" + INCUBATOR + "' >&2", "").err).isEqualTo("first\n" + INCUBATOR + "\n");
        assertThat(run("echo 'Picked up JAVA_TOOL_OPTIONS: -Da' >&2; echo '" + INCUBATOR + "' >&2; echo x >&2", "").err)
                .isEqualTo("Picked up JAVA_TOOL_OPTIONS: -Da\nx\n");
        assertThat(run("printf 'no line break' >&2", "").err).isEqualTo("no line break");
        assertThat(run(":", "")).isEqualTo(new Ran(0, "", ""));
    }

    @Test
    void argumentsAndStdinArriveAsTheyAre() throws IOException, InterruptedException {
        Ran ran =
                run("for a; do last=$a; done; printf '<%s>' \"$last\"; cat", "typed\n", "render", "a  'b' \"c\" $d\n");
        assertThat(ran).isEqualTo(new Ran(0, "<a  'b' \"c\" $d\n>typed\n", ""));
    }

    @Test
    void aClassArchiveThatCannotBeMadeIsTriedForOnce() throws IOException, InterruptedException {
        String script = "case \"$*\" in *SharedArchiveFile*) echo archive;; *) echo none;; esac";
        assertThat(run(script, "").out).isEqualTo("none\n");
        Path archive = root.resolve("cli/target/jemma.jsa");
        assertThat(archive).isEmptyFile();
        var first = Files.getLastModifiedTime(archive);
        assertThat(run(script, "").out).isEqualTo("none\n");
        assertThat(Files.getLastModifiedTime(archive)).isEqualTo(first);
        Files.writeString(archive, "an archive");
        assertThat(run(script, "").out).isEqualTo("archive\n");
    }

    @Test
    void saysWhichStreamsAreATerminal() throws IOException, InterruptedException {
        String script = "printf '%s\\n' \"$@\" | grep terminal";
        assertThat(run(script, "").out.lines())
                .contains(
                        "-Djemma.stdin.terminal=false",
                        "-Djemma.stdout.terminal=false",
                        "-Djemma.stderr.terminal=false");
        Assumptions.assumeTrue(Files.isExecutable(Path.of("/usr/bin/script")), "no script(1), which makes a terminal");
        Path out = folder.resolve("typescript");
        var builder = new ProcessBuilder(
                        "/usr/bin/script", "-qec", "'" + root.resolve("jemma") + "' 2>/dev/null", "/dev/null")
                .redirectInput(ProcessBuilder.Redirect.PIPE)
                .redirectOutput(out.toFile());
        builder.environment().put("JEMMA_JAVA_HOME", folder.resolve("jdk").toString());
        Process process = builder.start();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(Files.readString(out).lines().map(String::strip))
                .contains(
                        "-Djemma.stdin.terminal=true", "-Djemma.stdout.terminal=true", "-Djemma.stderr.terminal=false");
    }

    @Test
    void saysWhatIsMissing() throws IOException, InterruptedException {
        Ran ran = run("exit 0", "");
        assertThat(ran.status).isZero();
        Files.delete(root.resolve("cli/target/built"));
        executable(root.resolve("mvnw"), "#!/bin/sh\necho '[ERROR] does not compile'\nexit 1\n");
        Ran failed = run("exit 0", "");
        assertThat(failed.status).isEqualTo(1);
        assertThat(failed.err)
                .contains(
                        "building jemma (once",
                        "[ERROR] does not compile",
                        "the build failed; the whole output is in ");
        assertThat(failed.out).isEmpty();
    }
}
