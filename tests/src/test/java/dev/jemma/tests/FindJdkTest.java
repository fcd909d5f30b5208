package dev.jemma.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** How {@code ./jemma} and {@code ./mvnw} find a JDK 25, on machines that are laid out here. */
@DisabledOnOs(OS.WINDOWS)
final class FindJdkTest {
    @TempDir
    private Path machine;

    private Path path;
    private final Map<String, String> variables = new HashMap<>();

    private record Found(int status, String out, String err) {}

    /** A PATH with what the script needs and nothing else. */
    @BeforeEach
    void layOutAMachine() throws IOException {
        path = Files.createDirectories(machine.resolve("path"));
        for (String tool : List.of("sed", "readlink")) {
            Path found = Files.exists(Path.of("/usr/bin", tool)) ? Path.of("/usr/bin", tool) : Path.of("/bin", tool);
            Files.createSymbolicLink(path.resolve(tool), found);
        }
        Files.createDirectories(machine.resolve("home"));
    }

    private Path jdk(String folder, String version) throws IOException {
        Path home = jre(folder, version);
        executable(home.resolve("bin/javac"));
        return home;
    }

    private Path jre(String folder, String version) throws IOException {
        Path home = machine.resolve(folder);
        Files.createDirectories(home.resolve("bin"));
        executable(home.resolve("bin/java"));
        Files.writeString(home.resolve("release"), "IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"" + version + "\"\n");
        return home;
    }

    private static void executable(Path file) throws IOException {
        Files.writeString(file, "");
        assertThat(file.toFile().setExecutable(true)).isTrue();
    }

    private Found find() throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(
                "/bin/bash",
                "-c",
                "set -eu; . '" + Path.of("../.mvn/find-jdk.sh").toAbsolutePath() + "'; echo \"$JDK\"");
        builder.environment().clear();
        builder.environment().put("PATH", path.toString());
        builder.environment().put("HOME", machine.resolve("home").toString());
        builder.environment().put("JEMMA_JDK_ROOT", machine.toString());
        builder.environment().putAll(variables);
        Process process = builder.start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        String err = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Found(process.waitFor(), out.strip(), err.strip());
    }

    @Test
    void withoutAnyJdkItSaysWhatToInstall() throws Exception {
        assertThat(find()).isEqualTo(new Found(1, "", """
                                jemma needs a JDK 25 or newer, and none was found.
                                Install one (for example Temurin 25 from adoptium.net, 'sdk install java 25-tem', or 'brew install openjdk'), or set JAVA_HOME to it."""));
    }

    @Test
    void anOlderDefaultAndARuntimeAreNamedAndNotTaken() throws Exception {
        Path old = jdk("usr/lib/jvm/java-17", "17.0.9");
        jre("opt/java/jre-25", "25.0.1");
        Files.createSymbolicLink(path.resolve("java"), old.resolve("bin/java"));
        Found found = find();
        assertThat(found.status()).isEqualTo(1);
        assertThat(found.err())
                .startsWith("jemma needs a JDK 25 or newer, and none was found. Found only: ")
                .contains(old.toRealPath() + " (JDK 17)")
                .doesNotContain("jre-25");
    }

    @Test
    void aJdkInAUsualPlaceIsFoundBehindAnOlderDefault() throws Exception {
        Path old = jdk("usr/lib/jvm/java-17", "17.0.9");
        Files.createSymbolicLink(path.resolve("java"), old.resolve("bin/java"));
        Path wanted = jdk("usr/lib/jvm/temurin-25", "25.0.1");
        assertThat(find()).isEqualTo(new Found(0, wanted.toString(), ""));
    }

    @Test
    void sdkmanHomebrewAndANewerJdkAreFound() throws Exception {
        Path brew = jdk("opt/homebrew/opt/openjdk/libexec/openjdk.jdk/Contents/Home", "26");
        assertThat(find().out()).isEqualTo(brew.toString());
        Path sdkman = jdk("home/.sdkman/candidates/java/25.0.1-tem", "25.0.1");
        assertThat(find().out()).isEqualTo(sdkman.toString());
    }

    @Test
    void whatTheUserNamesComesFirst() throws Exception {
        jdk("usr/lib/jvm/temurin-25", "25.0.1");
        Path named = jdk("mine", "25");
        variables.put("JAVA_HOME", named.toString());
        assertThat(find().out()).isEqualTo(named.toString());
        variables.put("JAVA_HOME", jdk("older", "21").toString());
        assertThat(find().out()).endsWith("temurin-25");
    }
}
