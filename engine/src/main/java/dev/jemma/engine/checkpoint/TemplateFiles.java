package dev.jemma.engine.checkpoint;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.ModelFiles;
import dev.jemma.engine.io.JsonFile;
import dev.jemma.engine.io.StagedFolder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;

/**
 * The chat templates of a model or adapter folder, found in transformers' order: {@code chat_template.jinja} (with
 * {@code additional_chat_templates/*.jinja}), then {@code chat_template.json} of multimodal models, then
 * {@code chat_template} in tokenizer_config.json, a text or a list of named ones.
 *
 * @param byName template texts; the unnamed one is {@link #DEFAULT}
 * @param source the file they come from, as messages name it; empty if there are none
 */
public record TemplateFiles(SequencedMap<String, String> byName, String source) {
    /** The name of an unnamed template. */
    public static final String DEFAULT = "default";

    /** The template files of a folder of them. */
    static final String GLOB = "*.jinja";

    private static final String SUFFIX = ".jinja";
    private static final String TOOL_USE = "tool_use";
    private static final String KEY = TokenizerConfig.CHAT_TEMPLATE;
    private static final long MAX_BYTES = 4L << 20;

    public TemplateFiles {
        byName = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(byName));
    }

    /** One template for any conversation, and possibly another for those with tools. */
    public static TemplateFiles of(String general, Optional<String> toolUse) {
        SequencedMap<String, String> byName = new LinkedHashMap<>();
        byName.put(DEFAULT, general);
        toolUse.ifPresent(text -> byName.put(TOOL_USE, text));
        return new TemplateFiles(byName, ModelFiles.CHAT_TEMPLATE);
    }

    /** The template for any conversation, if there is one. */
    public Optional<String> general() {
        return Optional.ofNullable(byName.get(DEFAULT));
    }

    /** The one that transformers prefers when tools are given, if there is one. */
    public Optional<String> toolUse() {
        return Optional.ofNullable(byName.get(TOOL_USE));
    }

    /**
     * The templates in {@code folder}; none if nothing there has one.
     *
     * @throws FormatException if a file that should hold one is malformed
     * @throws IOException if a file cannot be read
     */
    public static TemplateFiles find(Path folder) throws IOException {
        return find(folder, new TokenizerConfig(folder));
    }

    /** As {@link #find(Path)}, of a folder whose tokenizer_config.json others ask too. */
    static TemplateFiles find(Path folder, TokenizerConfig config) throws IOException {
        SequencedMap<String, String> found = new LinkedHashMap<>();
        if (Files.exists(folder.resolve(ModelFiles.CHAT_TEMPLATE))) {
            found.put(DEFAULT, text(folder.resolve(ModelFiles.CHAT_TEMPLATE)));
        }
        Path additional = folder.resolve(ModelFiles.ADDITIONAL_TEMPLATES);
        if (Files.isDirectory(additional)) {
            TreeSet<Path> files = new TreeSet<>();
            try (DirectoryStream<Path> stream = Files.newDirectoryStream(additional, GLOB)) {
                stream.forEach(files::add);
            }
            for (Path file : files) {
                String name = file.getFileName().toString();
                found.putIfAbsent(name.substring(0, name.length() - SUFFIX.length()), text(file));
            }
        }
        if (!found.isEmpty()) {
            return new TemplateFiles(
                    found, found.containsKey(DEFAULT) ? ModelFiles.CHAT_TEMPLATE : ModelFiles.ADDITIONAL_TEMPLATES);
        }
        Path ofProcessor = folder.resolve(ModelFiles.CHAT_TEMPLATE_JSON);
        if (Files.exists(ofProcessor)) {
            read(JsonFile.read(ofProcessor, Set.of(KEY)).path(KEY), ModelFiles.CHAT_TEMPLATE_JSON, found);
            if (!found.isEmpty()) {
                return new TemplateFiles(found, ModelFiles.CHAT_TEMPLATE_JSON);
            }
        }
        read(config.get(KEY), ModelFiles.TOKENIZER_CONFIG, found);
        return new TemplateFiles(found, found.isEmpty() ? "" : ModelFiles.TOKENIZER_CONFIG);
    }

    /**
     * The files of a folder that {@link #find} reads as these templates: text by path in the folder. A name that was
     * downloaded does not reach outside of it.
     */
    public SequencedMap<String, String> files() {
        SequencedMap<String, String> files = new LinkedHashMap<>();
        byName.forEach((name, text) -> files.put(
                name.equals(DEFAULT)
                        ? ModelFiles.CHAT_TEMPLATE
                        : ModelFiles.ADDITIONAL_TEMPLATES + "/" + name.replaceAll("[^A-Za-z0-9_-]", "_") + SUFFIX,
                text));
        return files;
    }

    /** Writes {@link #files} to {@code folder}, beside what it holds. */
    void writeTo(Path folder) throws IOException {
        for (Map.Entry<String, String> template : files().entrySet()) {
            Path file = folder.resolve(template.getKey());
            Files.createDirectories(file.getParent());
            Files.writeString(file, template.getValue());
        }
    }

    /**
     * Makes these the templates of {@code folder}, in the place of all that {@link #find} finds there first.
     *
     * @throws IOException if they cannot be written
     */
    public void replaceIn(Path folder) throws IOException {
        Files.deleteIfExists(folder.resolve(ModelFiles.CHAT_TEMPLATE));
        StagedFolder.delete(folder.resolve(ModelFiles.ADDITIONAL_TEMPLATES));
        writeTo(folder);
    }

    private static void read(JsonNode node, String file, Map<String, String> into) {
        if (node.isMissingNode() || node.isNull()) {
            return;
        }
        if (node.isString()) {
            into.put(DEFAULT, node.stringValue());
            return;
        }
        for (JsonNode item : node) {
            JsonNode name = item.path("name");
            JsonNode template = item.path("template");
            if (!node.isArray() || !name.isString() || !template.isString()) {
                break;
            }
            into.put(name.stringValue(), template.stringValue());
        }
        if (into.isEmpty() || into.size() != node.size()) {
            throw new FormatException(file + ": chat_template is " + JsonFile.describe(node)
                    + ", wanted a string or a list of {name, template}");
        }
    }

    /**
     * The template in a file of its own.
     *
     * @throws FormatException if it is too large for one, or not UTF-8
     * @throws IOException if it cannot be read
     */
    public static String text(Path file) throws IOException {
        if (Files.size(file) > MAX_BYTES) {
            throw FormatException.in(
                    file, "is " + Files.size(file) + " bytes, wanted a template of at most " + MAX_BYTES);
        }
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(Files.readAllBytes(file)))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new FormatException(file.getFileName() + ": is not UTF-8", e);
        }
    }
}
