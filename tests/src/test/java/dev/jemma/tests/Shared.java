package dev.jemma.tests;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Reference material that may lie beside the repository, in a folder {@code shared}; tests use it for more when it is there. */
public final class Shared {
    private Shared() {}

    /** The file or folder {@code relative} in the shared folder, if it exists. Tests run in the folder {@code tests}. */
    public static Optional<Path> folder(String relative) {
        Path path = Path.of("..", "..", "shared", relative);
        return Files.exists(path) ? Optional.of(path) : Optional.empty();
    }
}
