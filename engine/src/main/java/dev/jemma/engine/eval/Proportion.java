package dev.jemma.engine.eval;

import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * How many of how many.
 *
 * @param rows all
 * @param correct those that count
 */
public record Proportion(long rows, long correct) {
    /** The 0.975 quantile of the normal distribution. */
    private static final double Z = 1.959963984540054;

    public Proportion {
        if (correct < 0 || correct > rows) {
            throw new IllegalArgumentException(correct + " of " + rows + " is no proportion");
        }
    }

    /** The share, 0 to 1; 0 of no rows. */
    public double rate() {
        return rows == 0 ? 0 : (double) correct / rows;
    }

    /** The lower end of Wilson's 95 % interval. */
    public double low() {
        return rows == 0 ? 0 : Math.clamp(center() - spread(), 0, 1);
    }

    /** The upper end of Wilson's 95 % interval. */
    public double high() {
        return rows == 0 ? 1 : Math.clamp(center() + spread(), 0, 1);
    }

    private double center() {
        return (rate() + Z * Z / (2 * rows)) / (1 + Z * Z / rows);
    }

    private double spread() {
        double p = rate();
        return Z / (1 + Z * Z / rows) * Math.sqrt(p * (1 - p) / rows + Z * Z / (4.0 * rows * rows));
    }

    /** {@code {"rows", "correct", "accuracy"}}. */
    public ObjectNode toJson() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("rows", rows);
        json.put("correct", correct);
        json.put("accuracy", rate());
        return json;
    }
}
