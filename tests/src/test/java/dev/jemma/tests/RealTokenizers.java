package dev.jemma.tests;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;

/**
 * The real Gemma 2 and 3 tokenizer.json, which the project may not hold copies of: unpacked from the shared folder with
 * {@code xz}, or beside the real Gemma 3 270M.
 */
public final class RealTokenizers {
    private RealTokenizers() {}

    /** The tokenizer.json of a family ({@code gemma2}, {@code gemma3}), if this machine can give it. */
    public static Optional<Path> find(String family) throws IOException, InterruptedException {
        Path unpacked = Path.of("target", "tokenizers", family, "tokenizer.json");
        Optional<Path> packed = Shared.folder("reference/tokenizers/" + family + "/tokenizer.json.xz");
        if (Files.exists(unpacked)) {
            return Optional.of(unpacked);
        }
        if (packed.isPresent() && unpack(packed.get(), unpacked)) {
            return Optional.of(unpacked);
        }
        Path beside = Path.of(System.getProperty("user.home"), ".cache", "jemma", "gemma-3-270m", "tokenizer.json");
        return family.equals("gemma3") && Files.exists(beside) ? Optional.of(beside) : Optional.empty();
    }

    private static boolean unpack(Path packed, Path target) throws IOException, InterruptedException {
        Files.createDirectories(target.getParent());
        Path temporary = Files.createTempFile(target.getParent(), "tokenizer", ".tmp");
        try {
            Process process = new ProcessBuilder("xz", "-dc", packed.toString())
                    .redirectOutput(temporary.toFile())
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            if (process.waitFor() != 0) {
                return false;
            }
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            return true;
        } catch (IOException noXz) {
            return false;
        } finally {
            Files.deleteIfExists(temporary);
        }
    }
}
