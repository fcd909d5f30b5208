package dev.jemma.cuda;

import dev.jemma.cuda.internal.Attempt;
import dev.jemma.cuda.internal.NativeLibrary;
import java.util.List;
import java.util.Optional;

/**
 * The account of the search for one library.
 *
 * @param library what it is: {@code CUDA driver}, {@code cuBLASLt}, {@code cuBLAS} or {@code NVRTC}
 * @param path the file or name it was loaded by; empty if no place had it
 * @param version its version, {@code 13.0}; empty if it was not loaded or does not say
 * @param tried every place looked at, in order, each with its outcome in the system loader's words
 */
public record LibraryReport(String library, Optional<String> path, Optional<String> version, List<String> tried) {
    /** Copies the list. */
    public LibraryReport {
        tried = List.copyOf(tried);
    }

    static LibraryReport of(NativeLibrary library, Optional<String> version) {
        return new LibraryReport(
                library.title(),
                library.path(),
                version,
                library.attempts().stream().map(Attempt::toString).toList());
    }

    /** Whether the library was loaded. */
    public boolean found() {
        return path.isPresent();
    }

    /** One line if it was found, else one line a place. */
    @Override
    public String toString() {
        return path.map(file -> library + version.map(v -> " " + v).orElse("") + ": " + file)
                .orElseGet(() -> library + ": not found; tried" + System.lineSeparator() + "  "
                        + String.join(System.lineSeparator() + "  ", tried));
    }
}
