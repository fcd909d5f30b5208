package dev.jemma.engine.io;

import java.nio.file.Path;

/**
 * Where Jemma keeps files that it can make again: the system property {@code jemma.cache}, else
 * {@code $XDG_CACHE_HOME/jemma}, else {@code ~/.cache/jemma}.
 */
public final class CacheFolder {
    private CacheFolder() {}

    /** The folder, which need not exist. */
    public static Path path() {
        String property = System.getProperty("jemma.cache", "");
        if (!property.isEmpty()) {
            return Path.of(property);
        }
        String xdg = System.getenv("XDG_CACHE_HOME");
        return xdg != null && !xdg.isEmpty()
                ? Path.of(xdg, "jemma")
                : Path.of(System.getProperty("user.home"), ".cache", "jemma");
    }
}
