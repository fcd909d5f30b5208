package dev.jemma.cuda.internal;

import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * What the search for libraries depends on, as a value, so that a test can describe any machine.
 *
 * @param family the operating system, as far as NVIDIA distinguishes it
 * @param name the operating system in its own words
 * @param variables environment variables
 * @param libraryFolders folders the user named first: system property {@code jemma.cuda.lib.dir}, else variable
 *     {@code JEMMA_CUDA_LIB_DIR}, separated as a class path is
 * @param home the user's home folder
 * @param root where absolute system folders start; {@code /} but in tests
 */
public record HostSystem(
        Family family, String name, Map<String, String> variables, String libraryFolders, Path home, Path root) {
    /** The system property with folders to search before all others. */
    public static final String LIBRARY_PROPERTY = "jemma.cuda.lib.dir";

    /** The environment variable that stands in for the property. */
    public static final String LIBRARY_VARIABLE = "JEMMA_CUDA_LIB_DIR";

    /** Families of operating systems. */
    public enum Family {
        /** Linux, WSL included. */
        LINUX,
        /** Windows. */
        WINDOWS,
        /** Without CUDA, macOS among them. */
        OTHER
    }

    /** The machine this runs on. */
    public static HostSystem current() {
        String os = System.getProperty("os.name", "unknown");
        String lower = os.toLowerCase(Locale.ROOT);
        Family family =
                lower.startsWith("linux") ? Family.LINUX : lower.startsWith("windows") ? Family.WINDOWS : Family.OTHER;
        Map<String, String> variables = System.getenv();
        String folders = System.getProperty(LIBRARY_PROPERTY, variables.getOrDefault(LIBRARY_VARIABLE, ""));
        Path root = Path.of(family == Family.WINDOWS ? "C:\\" : "/");
        return new HostSystem(family, os, variables, folders, Path.of(System.getProperty("user.home", ".")), root);
    }

    /** Whether libraries have Windows's names. */
    boolean windows() {
        return family == Family.WINDOWS;
    }

    /** A variable that is set and not blank. */
    Optional<String> variable(String key) {
        return Optional.ofNullable(variables.get(key)).filter(value -> !value.isBlank());
    }

    /**
     * Jemma's own folder for NVIDIA's libraries: {@code $XDG_CACHE_HOME/jemma/cuda}, else {@code ~/.cache/jemma/cuda}.
     */
    public Path cacheFolder() {
        return variable("XDG_CACHE_HOME")
                .map(Path::of)
                .orElse(home.resolve(".cache"))
                .resolve("jemma")
                .resolve("cuda");
    }
}
