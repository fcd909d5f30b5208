package dev.jemma.engine.safetensors;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.ModelFiles;
import dev.jemma.engine.io.JsonFields;
import dev.jemma.engine.io.JsonFile;
import dev.jemma.engine.io.Problems;
import dev.jemma.engine.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.SequencedSet;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;

/**
 * The weights of a model folder: {@code model.safetensors}, or the shards that {@code model.safetensors.index.json}
 * names, as one set of tensors. Owns the mapped files; safe for threads. Where both forms lie in a folder the single
 * file wins, as in transformers.
 */
public final class Shards implements AutoCloseable {
    /** The file of an unsharded model. */
    public static final String SINGLE = ModelFiles.WEIGHTS;

    /** The file that names the shards. */
    public static final String INDEX = "model.safetensors.index.json";

    private final List<SafetensorsFile> files;
    private final SequencedMap<String, SafetensorsFile> fileOf;

    private Shards(List<SafetensorsFile> files, SequencedMap<String, SafetensorsFile> fileOf) {
        this.files = files;
        this.fileOf = fileOf;
    }

    /**
     * Maps the weights in {@code folder}.
     *
     * @throws FormatException if there are none, a shard is missing, or a file is not what it should be
     * @throws IOException if a file cannot be opened
     */
    public static Shards open(Path folder) throws IOException {
        Path single = folder.resolve(SINGLE);
        if (Files.exists(single)) {
            SafetensorsFile file = SafetensorsFile.open(single);
            SequencedMap<String, SafetensorsFile> fileOf = new LinkedHashMap<>();
            file.names().forEach(name -> fileOf.put(name, file));
            return new Shards(List.of(file), fileOf);
        }
        Path index = folder.resolve(INDEX);
        if (Files.exists(index)) {
            return openIndexed(folder, index);
        }
        throw new FormatException(folder + ": has no weights: neither " + SINGLE + " nor " + INDEX
                + "; Jemma reads safetensors only, convert other formats with transformers' save_pretrained");
    }

    private static Shards openIndexed(Path folder, Path index) throws IOException {
        Problems problems = new Problems();
        JsonFields root = new JsonFields(JsonFile.read(index), INDEX, problems);
        Map<String, String> weightMap = new LinkedHashMap<>();
        root.object("weight_map").ifPresentOrElse(map -> readWeightMap(map, weightMap), () -> {
            if (problems.isEmpty()) {
                root.wanted("weight_map", "an object of tensor names and file names");
            }
        });
        problems.throwIfAny();

        Map<String, SafetensorsFile> open = new TreeMap<>();
        try {
            for (String name : weightMap.values()) {
                Path shard = folder.resolve(name);
                if (open.containsKey(name)) {
                    continue;
                }
                if (Files.exists(shard)) {
                    open.put(name, SafetensorsFile.open(shard));
                } else if (problems.found().stream().noneMatch(found -> found.contains("'" + name + "'"))) {
                    problems.add(INDEX + ": names the shard '" + name + "', which is not there; download it");
                }
            }
            problems.throwIfAny();
            SequencedMap<String, SafetensorsFile> fileOf = new LinkedHashMap<>();
            weightMap.forEach((tensor, name) -> {
                SafetensorsFile file = Objects.requireNonNull(open.get(name));
                if (file.entries().containsKey(tensor)) {
                    fileOf.put(tensor, file);
                } else {
                    problems.add(INDEX + ": places tensor '" + tensor + "' in " + name + ", which does not hold it");
                }
            });
            problems.throwIfAny();
            return new Shards(List.copyOf(open.values()), fileOf);
        } catch (Throwable e) {
            open.values().forEach(SafetensorsFile::close);
            throw e;
        }
    }

    private static void readWeightMap(JsonFields map, Map<String, String> into) {
        for (Map.Entry<String, JsonNode> field : map.json().properties()) {
            if (!field.getValue().isString() || !isPlainName(field.getValue().stringValue())) {
                map.wanted(field.getKey(), "the name of a .safetensors file in the same folder");
            } else {
                into.put(field.getKey(), field.getValue().stringValue());
            }
        }
    }

    /** A downloaded index must not reach outside its folder. */
    private static boolean isPlainName(String name) {
        return name.endsWith(".safetensors") && name.chars().noneMatch(c -> c == '/' || c == '\\' || c < ' ');
    }

    /** The mapped files, by name. */
    public List<SafetensorsFile> files() {
        return files;
    }

    /** The names of all tensors. */
    public SequencedSet<String> names() {
        return Collections.unmodifiableSequencedMap(fileOf).sequencedKeySet();
    }

    /** What the header says about tensor {@code name}. */
    public TensorEntry entry(String name) {
        return Objects.requireNonNull(file(name).entries().get(name));
    }

    /** The file that holds tensor {@code name}. */
    public SafetensorsFile file(String name) {
        SafetensorsFile file = fileOf.get(name);
        if (file == null) {
            throw new IllegalArgumentException("the weights have no tensor '" + name + "'");
        }
        return file;
    }

    /** The tensor {@code name}, borrowed; see {@link SafetensorsFile#tensor}. */
    public Tensor tensor(String name) {
        return file(name).tensor(name);
    }

    /** Size of all files in bytes. */
    public long bytes() {
        return files.stream().mapToLong(SafetensorsFile::bytes).sum();
    }

    /** See {@link SafetensorsFile#checkUnchanged}. */
    public void checkUnchanged() throws IOException {
        for (SafetensorsFile file : files) {
            file.checkUnchanged();
        }
    }

    /** All entries of all files. */
    public Collection<TensorEntry> entries() {
        return fileOf.sequencedKeySet().stream().map(this::entry).toList();
    }

    @Override
    public void close() {
        files.forEach(SafetensorsFile::close);
    }
}
