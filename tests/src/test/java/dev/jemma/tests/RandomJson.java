package dev.jemma.tests;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.List;
import java.util.random.RandomGenerator;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Random JSON values with the strings and numbers that break parsers. */
public final class RandomJson {
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    private static final String PUNCTUATION = "\"'\\{}[](),:=<>/`\n\t\r\b\f";

    private final RandomGenerator random;
    private final List<String> nasty;

    /** Values whose strings now and then contain one of {@code nasty}. */
    public RandomJson(RandomGenerator random, List<String> nasty) {
        this.random = random;
        this.nasty = nasty;
    }

    /** An object of up to four entries, nested at most {@code depth} deep. */
    public ObjectNode object(int depth) {
        ObjectNode object = NODES.objectNode();
        for (int i = random.nextInt(5); i > 0; i--) {
            object.set(random.nextInt(4) == 0 ? string() : "key" + random.nextInt(9), value(depth - 1));
        }
        return object;
    }

    private JsonNode value(int depth) {
        return switch (random.nextInt(depth > 0 ? 9 : 7)) {
            case 0 -> NODES.booleanNode(random.nextBoolean());
            case 1 -> NODES.nullNode();
            case 2 -> NODES.numberNode(random.nextInt(-100, 100));
            case 3 -> number();
            case 4, 5, 6 -> NODES.stringNode(string());
            case 7 -> object(depth);
            default -> {
                ArrayNode array = NODES.arrayNode();
                for (int i = random.nextInt(4); i > 0; i--) {
                    array.add(value(depth - 1));
                }
                yield array;
            }
        };
    }

    private JsonNode number() {
        return switch (random.nextInt(4)) {
            case 0 -> NODES.numberNode(9007199254740993L + random.nextInt(9));
            case 1 -> NODES.numberNode(BigInteger.ONE.shiftLeft(64 + random.nextInt(60)));
            case 2 -> NODES.numberNode(new BigDecimal(BigInteger.valueOf(random.nextLong()), random.nextInt(1, 20)));
            default -> NODES.numberNode(new BigDecimal("1E+" + random.nextInt(1, 300)));
        };
    }

    private String string() {
        StringBuilder text = new StringBuilder();
        for (int i = random.nextInt(6); i > 0; i--) {
            text.append(
                    switch (random.nextInt(6)) {
                        case 0 -> PUNCTUATION.charAt(random.nextInt(PUNCTUATION.length()));
                        case 1 -> new String(Character.toChars(0x1F600 + random.nextInt(40)));
                        case 2 -> (char) ('à' + random.nextInt(30));
                        case 3 -> nasty.isEmpty() ? " " : nasty.get(random.nextInt(nasty.size()));
                        default -> "word" + random.nextInt(10) + " ";
                    });
        }
        return text.toString();
    }
}
