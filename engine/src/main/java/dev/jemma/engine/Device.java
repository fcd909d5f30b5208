package dev.jemma.engine;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where a model computes.
 *
 * @param kind what kind of device
 * @param index which of them, from 0
 */
public record Device(Kind kind, int index) {
    /** The kinds of device. */
    public enum Kind {
        /** The best that there is. */
        AUTO,
        /** This machine's processor. */
        CPU,
        /** An NVIDIA GPU. */
        CUDA
    }

    /** The best that there is. */
    public static final Device AUTO = new Device(Kind.AUTO, 0);

    /** This machine's processor. */
    public static final Device CPU = new Device(Kind.CPU, 0);

    private static final Pattern SPELLING = Pattern.compile("(auto|cpu|cuda)|cuda:([0-9]{1,3})");

    /**
     * Reads {@code auto}, {@code cpu}, {@code cuda} or {@code cuda:N}.
     *
     * @throws IllegalArgumentException for anything else
     */
    public static Device parse(String text) {
        Matcher matcher = SPELLING.matcher(text);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("device is '" + text + "', wanted auto, cpu, cuda or cuda:N");
        }
        return switch (text) {
            case "auto" -> AUTO;
            case "cpu" -> CPU;
            case "cuda" -> new Device(Kind.CUDA, 0);
            default -> new Device(Kind.CUDA, Integer.parseInt(matcher.group(2)));
        };
    }
}
