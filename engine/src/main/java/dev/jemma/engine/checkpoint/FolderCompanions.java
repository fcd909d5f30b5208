package dev.jemma.engine.checkpoint;

import dev.jemma.engine.api.ModelFiles;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Set;
import java.util.regex.Pattern;

/** Copies what a folder needs beside weights and config.json: tokenizer, templates, sampling, licence. */
final class FolderCompanions {
    private static final Pattern COPIED =
            Pattern.compile(".*\\.(json|jinja|model|txt)|(LICENSE|NOTICE|USE_POLICY).*", Pattern.CASE_INSENSITIVE);

    /** Written anew, or of a run or an adapter that lies in the same folder. */
    private static final Set<String> NOT_COPIED =
            Set.of(ModelFiles.CONFIG, ModelFiles.ADAPTER_CONFIG, ModelFiles.TRAINER_STATE);

    private FolderCompanions() {}

    static void copy(Path model, Path out) throws IOException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(model)) {
            for (Path file : files) {
                if (isCopied(file.getFileName().toString())) {
                    copyFile(file, out);
                }
            }
        }
        Path additional = model.resolve(ModelFiles.ADDITIONAL_TEMPLATES);
        if (Files.isDirectory(additional)) {
            Path folder = Files.createDirectory(out.resolve(ModelFiles.ADDITIONAL_TEMPLATES));
            try (DirectoryStream<Path> files = Files.newDirectoryStream(additional, TemplateFiles.GLOB)) {
                for (Path file : files) {
                    copyFile(file, folder);
                }
            }
        }
    }

    private static boolean isCopied(String name) {
        return COPIED.matcher(name).matches()
                && !name.startsWith(".")
                && !name.endsWith(".index.json")
                && !NOT_COPIED.contains(name);
    }

    /** Copies the content alone: a read-only source must not make what is written read-only. */
    private static void copyFile(Path file, Path folder) throws IOException {
        if (Files.isRegularFile(file)) {
            try (InputStream content = Files.newInputStream(file)) {
                Files.copy(content, folder.resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
            }
        }
    }
}
