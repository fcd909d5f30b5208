package dev.jemma.tests;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.opentest4j.TestAbortedException;

/**
 * Reference material that may lie beside the repository, in a folder {@code shared}; tests use it for more when it is
 * there.
 */
public final class Shared {
    private Shared() {}

    /**
     * The file or folder {@code relative} in the shared folder, if it exists. Tests run in the folder {@code tests}.
     */
    public static Optional<Path> folder(String relative) {
        Path path = Path.of("..", "..", "shared", relative);
        return Files.exists(path) ? Optional.of(path) : Optional.empty();
    }

    /**
     * The file or folder {@code relative} in the shared folder; without it the test is reported as skipped, with the
     * reason.
     */
    public static Path need(String relative) {
        return folder(relative)
                .orElseThrow(() -> new TestAbortedException("no shared/" + relative + " beside the repository"));
    }

    /**
     * What Hugging Face computes for text, if it is there: the folder that the system property
     * {@code jemma.reference.text} names, made with a fresh seed by make_text_reference.py, else the shared one.
     */
    public static Optional<Path> textReference() {
        String fresh = System.getProperty("jemma.reference.text", "");
        return fresh.isEmpty() ? folder("reference") : Optional.of(Path.of(fresh));
    }

    /**
     * The real Gemma 3 270M in the user's cache folder; without it the test is reported as skipped, with the reason.
     */
    public static Path needGemma270m() {
        Path path = Path.of(System.getProperty("user.home"), ".cache", "jemma", "gemma-3-270m");
        if (!Files.isRegularFile(path.resolve("model.safetensors"))) {
            String missing = "the real Gemma 3 270M is not in ~/.cache/jemma/gemma-3-270m";
            if (Boolean.parseBoolean(System.getenv("JEMMA_REQUIRE_REAL_MODEL"))) {
                throw new AssertionError(missing + ", and this run must test it");
            }
            throw new TestAbortedException(missing);
        }
        return path;
    }

    /**
     * The GGUF file that the real Gemma 3 270M was made from, beside it; without it the test is reported as skipped,
     * with the reason.
     */
    public static Path needGemma270mGguf() {
        Path path = needGemma270m().resolve("gemma-3-270m-q4_k_m.gguf");
        if (!Files.isRegularFile(path)) {
            throw new TestAbortedException("no gemma-3-270m-q4_k_m.gguf in ~/.cache/jemma/gemma-3-270m");
        }
        return path;
    }
}
