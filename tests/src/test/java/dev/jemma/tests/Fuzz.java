package dev.jemma.tests;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Seeded damage for parsers. The system property {@code jemma.fuzz} sets the number of mutations of each parser
 * ({@code ./mvnw verify -Dgroups=fuzz -Djemma.fuzz=100000} is the full run); by default a small share.
 */
public final class Fuzz {
    private static final byte[] STRUCTURE = "{}[]\",:0919eE-ntf\\. ".getBytes(StandardCharsets.US_ASCII);

    private Fuzz() {}

    /** How many mutations to try where {@code usual} are enough for an ordinary run. */
    public static int mutations(int usual) {
        return Integer.getInteger("jemma.fuzz", usual);
    }

    /**
     * Where to cut a file of {@code length} bytes that begins with a header of {@code header}: everywhere in the full
     * run and in the header, else here and there.
     */
    public static IntStream cuts(int length, int header) {
        boolean everywhere = Integer.getInteger("jemma.fuzz") != null;
        return IntStream.range(0, length).filter(at -> everywhere || at < header || at % 101 == 0);
    }

    /** A copy of {@code bytes} with one to four damages: bytes, bits, structure, moved or removed or doubled pieces. */
    public static byte[] mutate(byte[] bytes, SplittableRandom random) {
        byte[] result = bytes.clone();
        for (int n = 1 + random.nextInt(4); n > 0 && result.length > 0; n--) {
            int at = random.nextInt(result.length);
            int length = Math.min(1 + random.nextInt(24), result.length - at);
            switch (random.nextInt(6)) {
                case 0 -> result[at] = (byte) random.nextInt(256);
                case 1 -> result[at] ^= (byte) (1 << random.nextInt(8));
                case 2 -> result[at] = STRUCTURE[random.nextInt(STRUCTURE.length)];
                case 3 ->
                    System.arraycopy(result.clone(), at, result, random.nextInt(result.length - length + 1), length);
                case 4 -> {
                    byte[] cut = new byte[result.length - length];
                    System.arraycopy(result, 0, cut, 0, at);
                    System.arraycopy(result, at + length, cut, at, cut.length - at);
                    result = cut;
                }
                default -> {
                    byte[] longer = Arrays.copyOf(result, result.length + length);
                    System.arraycopy(result, at, longer, at + length, result.length - at);
                    result = longer;
                }
            }
        }
        return result;
    }
}
