package dev.jemma.engine.checkpoint.config;

import dev.jemma.engine.io.JsonFields;
import java.util.Optional;
import java.util.Set;

/**
 * Reads the rotary embedding out of config.json: {@code rope_theta}, {@code rope_local_base_freq} and
 * {@code rope_scaling} of transformers 4, {@code rope_parameters} of transformers 5 (one object for Gemma 1 and 2, one
 * for each layer type in Gemma 3). Where both are written they combine as in transformers 5.17
 * ({@code convert_rope_params_to_dict}).
 */
final class RopeReader {
    private static final double LOCAL_THETA = 10_000;
    private static final double GLOBAL_THETA = 1_000_000;
    private static final Set<String> PARAMETERS =
            Set.of("rope_type", "type", "rope_theta", "factor", "partial_rotary_factor");

    private final Family family;
    private final JsonFields fields;

    RopeReader(Family family, JsonFields fields) {
        this.family = family;
        this.fields = fields;
    }

    /** The rotary embedding of layers of {@code type}. Problems go to the fields. */
    LayerConfig.Rope read(LayerConfig.Type type) {
        return family == Family.GEMMA_3 ? perType(type) : shared();
    }

    private LayerConfig.Rope shared() {
        Optional<JsonFields> scaling =
                fields.object("rope_scaling").filter(object -> !object.json().isEmpty());
        Optional<JsonFields> parameters = scaling.or(() -> fields.object("rope_parameters"));
        double fallback = theta(fields, "rope_theta", LOCAL_THETA);
        double theta =
                parameters.map(object -> theta(object, "rope_theta", fallback)).orElse(fallback);
        return new LayerConfig.Rope(theta, parameters.map(this::factor).orElse(1.0));
    }

    private LayerConfig.Rope perType(LayerConfig.Type type) {
        boolean full = type == LayerConfig.Type.FULL;
        String key = full ? "full_attention" : "sliding_attention";
        Optional<JsonFields> all = fields.object("rope_parameters");
        all.ifPresent(object -> {
            for (String name : object.json().propertyNames()) {
                if (!name.equals("full_attention") && !name.equals("sliding_attention")) {
                    object.problem("has key '" + name + "', wanted full_attention and sliding_attention");
                }
            }
        });
        Optional<JsonFields> own = all.flatMap(object -> object.object(key));
        double fallback =
                full ? theta(fields, "rope_theta", GLOBAL_THETA) : theta(fields, "rope_local_base_freq", LOCAL_THETA);
        // rope_scaling of transformers 4 applies to the full layers, over what rope_parameters say
        Optional<JsonFields> scaling = full
                ? fields.object("rope_scaling").filter(object -> !object.json().isEmpty())
                : Optional.empty();
        double theta = own.map(object -> theta(object, "rope_theta", fallback)).orElse(fallback);
        double scaledTheta =
                scaling.map(object -> theta(object, "rope_theta", theta)).orElse(theta);
        double factor = own.map(this::factor).orElse(1.0);
        return new LayerConfig.Rope(scaledTheta, scaling.map(this::factor).orElse(factor));
    }

    private static double theta(JsonFields object, String key, double fallback) {
        return object.number(key, fallback, Double.MIN_NORMAL, 1e18);
    }

    /** The linear scaling factor; every other kind of scaling is refused by name. */
    private double factor(JsonFields rope) {
        for (String key : rope.json().propertyNames()) {
            if (!PARAMETERS.contains(key)) {
                rope.problem("has key '" + key + "', wanted rope_type, rope_theta and factor only");
            }
        }
        if (rope.number("partial_rotary_factor", 1, 0, 1) != 1) {
            rope.wanted("partial_rotary_factor", "1: Jemma rotates whole heads");
        }
        String type = rope.text("rope_type").or(() -> rope.text("type")).orElse("default");
        return switch (type) {
            case "default" -> 1;
            case "linear" -> {
                if (!rope.has("factor")) {
                    rope.wanted("factor", "the factor of linear scaling");
                }
                yield rope.number("factor", 1, Double.MIN_NORMAL, 1e9);
            }
            default -> {
                rope.problem("rope_type is \"" + type + "\", wanted default or linear: Jemma does not compute others");
                yield 1;
            }
        };
    }
}
