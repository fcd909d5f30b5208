package dev.jemma.cli;

import dev.jemma.engine.api.FormatException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.IDefaultValueProvider;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.dataformat.yaml.YAMLMapper;

/**
 * Options from a YAML file, for those that the command line leaves out. A key is an option's name with underscores:
 * {@code learning_rate} is {@code --learning-rate}.
 */
final class YamlDefaults implements IDefaultValueProvider {
    private Map<String, String> values = Map.of();

    /**
     * Reads the file.
     *
     * @param spec the command whose options the keys must name
     * @throws FormatException if it is no YAML mapping, or names an option that the command does not have
     */
    void read(Path file, CommandSpec spec) {
        JsonNode root;
        try {
            root = new YAMLMapper().readTree(Files.readString(file));
        } catch (NoSuchFileException e) {
            throw new FormatException("configuration file " + file + " does not exist");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (JacksonException e) {
            throw FormatException.at(
                    file,
                    e.getLocation().getLineNr(),
                    e.getLocation().getColumnNr(),
                    "is no YAML: " + e.getOriginalMessage().lines().findFirst().orElse("it is empty"));
        }
        if (!root.isObject()) {
            throw FormatException.in(file, "wanted 'key: value' lines such as 'learning_rate: 2e-4'");
        }
        Map<String, String> read = new LinkedHashMap<>();
        TreeSet<String> unknown = new TreeSet<>();
        for (Map.Entry<String, JsonNode> entry : root.properties()) {
            if (spec.findOption("--" + entry.getKey().replace('_', '-')) == null
                    || entry.getKey().equals("config")) {
                unknown.add(entry.getKey());
            } else if (!entry.getValue().isNull()) {
                read.put(entry.getKey(), text(file, entry.getKey(), entry.getValue()));
            }
        }
        if (!unknown.isEmpty()) {
            throw FormatException.in(
                    file,
                    "unknown key" + (unknown.size() > 1 ? "s " : " ") + String.join(", ", unknown) + "; 'jemma "
                            + spec.name() + " --help' lists the options, whose names with underscores are the keys");
        }
        values = read;
    }

    private static String text(Path file, String key, JsonNode value) {
        List<String> items = new ArrayList<>();
        if (value.isArray()) {
            value.forEach(item -> items.add(scalar(file, key, item)));
        } else if (value.isObject()) {
            value.properties().forEach(item -> items.add(item.getKey() + "=" + scalar(file, key, item.getValue())));
        } else {
            items.add(scalar(file, key, value));
        }
        return String.join(",", items);
    }

    private static String scalar(Path file, String key, JsonNode value) {
        if (!value.isValueNode()) {
            throw FormatException.in(
                    file, key + " is nested too deep, wanted a value, a list of values or 'name: value' pairs");
        }
        return value.asString();
    }

    @Override
    public @Nullable String defaultValue(ArgSpec argument) {
        if (argument instanceof OptionSpec option) {
            for (String name : option.names()) {
                String value = values.get(name.replaceFirst("^-+", "").replace('-', '_'));
                if (value != null) {
                    return value;
                }
            }
        }
        return null;
    }
}
