package dev.jemma.cuda;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.JarURLConnection;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.platform.commons.support.AnnotationSupport;
import org.opentest4j.TestAbortedException;

/** A JVM of its own, for what a process can have only once: a set of CUDA libraries, or a sanitizer. */
final class ChildJvm {
    /** How it ended, and all it printed. */
    record Result(int exit, String output) {}

    private ChildJvm() {}

    /** Where the classes and resources of these tests come from, whichever way they were started. */
    private static String classPath() {
        Stream<URL> classes = Stream.of(
                        Cuda.class,
                        StandIn.class,
                        BeforeAllCallback.class,
                        AnnotationSupport.class,
                        TestAbortedException.class)
                .map(type -> type.getProtectionDomain().getCodeSource().getLocation());
        return Stream.concat(classes, Stream.of(resources()))
                .map(url -> Path.of(URI.create(url.toString())).toString())
                .distinct()
                .collect(Collectors.joining(File.pathSeparator));
    }

    private static URL resources() {
        try {
            URL resource = Objects.requireNonNull(Cuda.class.getResource("intrinsics.cuh"));
            return resource.getProtocol().equals("jar")
                    ? ((JarURLConnection) resource.openConnection()).getJarFileURL()
                    : Path.of(resource.toURI())
                            .resolve("../../../..")
                            .normalize()
                            .toUri()
                            .toURL();
        } catch (IOException | URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    static Result run(Map<String, String> variables, List<String> options, Class<?> main, String... arguments) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                classPath()));
        command.addAll(1, options);
        command.add(main.getName());
        command.addAll(List.of(arguments));
        try {
            ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
            builder.environment().putAll(variables);
            Process process = builder.start();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return new Result(process.waitFor(), output);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }
}
