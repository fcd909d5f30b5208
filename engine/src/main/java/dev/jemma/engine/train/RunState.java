package dev.jemma.engine.train;

import dev.jemma.engine.api.Arithmetic;
import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.ModelFiles;
import dev.jemma.engine.api.Precision;
import dev.jemma.engine.api.TrainingConfig;
import dev.jemma.engine.api.TrainingEvent;
import dev.jemma.engine.api.TrainingException;
import dev.jemma.engine.api.WeightType;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * How far a run is and which run it is: {@code trainer_state.json} of a checkpoint.
 *
 * @param step optimizer steps done
 * @param totalSteps all steps of the run
 * @param elapsedSeconds time spent so far
 * @param identity what decides the numbers: hyperparameters, data, precision, each as text
 */
record RunState(long step, long totalSteps, double elapsedSeconds, Map<String, String> identity) {
    static final String FILE = ModelFiles.TRAINER_STATE;
    private static final String ARITHMETIC = "arithmetic";
    private static final String WEIGHTS = "weights";
    private static final JsonMapper JSON = JsonMapper.shared();

    /** Settings that change what is kept, not what is computed. */
    private static final List<String> FREE = List.of("saveSteps", "saveTotalLimit", "evalSteps");

    RunState {
        identity = new LinkedHashMap<>(identity);
    }

    /** A run before its first step. */
    static RunState of(TrainingRun run, TrainingData data, long totalSteps) {
        Map<String, String> identity = new LinkedHashMap<>();
        for (RecordComponent component : TrainingConfig.class.getRecordComponents()) {
            if (!FREE.contains(component.getName())) {
                identity.put(snakeCase(component.getName()), value(component, run.config()));
            }
        }
        identity.put("base model", run.base());
        identity.put("adapter", run.adapter());
        identity.put("data", data.fingerprint());
        identity.put(ARITHMETIC, run.precision().arithmetic().key());
        identity.put(WEIGHTS, run.precision().weights().toString());
        return new RunState(0, totalSteps, 0, identity);
    }

    private static String value(RecordComponent component, TrainingConfig config) {
        try {
            return String.valueOf(component.getAccessor().invoke(config));
        } catch (IllegalAccessException | InvocationTargetException e) {
            throw new IllegalStateException("component " + component.getName() + " of a public record", e);
        }
    }

    private static String snakeCase(String name) {
        StringBuilder key = new StringBuilder();
        for (char c : name.toCharArray()) {
            if (Character.isUpperCase(c)) {
                key.append('_');
            }
            key.append(Character.toLowerCase(c));
        }
        return key.toString();
    }

    /**
     * What the run computes with.
     *
     * @param file where the state was read, for messages
     * @throws FormatException if that is not recorded as {@link #of} records it
     */
    Precision precision(Path file) {
        try {
            return new Precision(
                    Arithmetic.parse(identity.getOrDefault(ARITHMETIC, "")),
                    WeightType.parse(identity.getOrDefault(WEIGHTS, "")));
        } catch (IllegalArgumentException e) {
            throw FormatException.in(file, "run." + e.getMessage());
        }
    }

    /** The state after one more step. */
    RunState after(TrainingEvent.Stepped stepped) {
        return new RunState(stepped.step(), totalSteps, stepped.elapsedSeconds(), identity);
    }

    /** Refuses to go on with a run whose numbers would differ, naming every difference. */
    void requireSameRun(RunState wanted, Path folder) {
        List<String> differences = new ArrayList<>();
        wanted.identity.forEach((key, value) -> {
            String saved = identity.getOrDefault(key, "not recorded");
            if (!saved.equals(value)) {
                differences.add(key + " was " + saved + ", now " + value);
            }
        });
        if (totalSteps != wanted.totalSteps) {
            differences.add("steps in all were " + totalSteps + ", now " + wanted.totalSteps);
        }
        if (!differences.isEmpty()) {
            throw new TrainingException(
                    folder + " belongs to another run: " + String.join("; ", differences)
                            + ". Resume with the run's own settings, or train anew into another --out (--init-adapter takes the adapter along)");
        }
    }

    String toJson() {
        ObjectNode json = JSON.createObjectNode();
        json.put("global_step", step);
        json.put("max_steps", totalSteps);
        json.put("elapsed_seconds", elapsedSeconds);
        ObjectNode run = json.putObject("run");
        identity.forEach(run::put);
        return json.toPrettyString() + "\n";
    }

    /** Reads what {@link #toJson} wrote. */
    static RunState parse(Path file, String text) {
        JsonNode json;
        try {
            json = JSON.readTree(text);
        } catch (JacksonException e) {
            throw FormatException.in(file, "is no JSON: " + e.getOriginalMessage());
        }
        JsonNode step = json.path("global_step");
        JsonNode total = json.path("max_steps");
        JsonNode run = json.path("run");
        if (!step.canConvertToLong() || !total.canConvertToLong() || !run.isObject()) {
            throw FormatException.in(file, "wanted global_step and max_steps as numbers and run as an object");
        }
        Map<String, String> identity = new LinkedHashMap<>();
        run.properties()
                .forEach(entry -> identity.put(entry.getKey(), entry.getValue().asString()));
        return new RunState(
                step.longValue(),
                total.longValue(),
                json.path("elapsed_seconds").asDouble(0),
                identity);
    }
}
