package dev.jemma.engine.kernel.cpu;

import dev.jemma.engine.api.Arithmetic;
import dev.jemma.engine.io.AtomicFile;
import dev.jemma.engine.io.CacheFolder;
import dev.jemma.engine.kernel.cpu.code.PeakRate;
import dev.jemma.engine.kernel.cpu.code.x86.CpuFeatures;
import dev.jemma.engine.kernel.cpu.code.x86.CpuOverrides;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/**
 * The fastest arithmetic on this CPU. The bf16 dot product does more than twice what f32 FMA does on some CPUs and half
 * of it on others, so both are timed, once per CPU: the answer is kept in the user's cache folder, since runs of one
 * user should not differ by what else the machine did in a millisecond. The int8 dot product does four times what FMA
 * does on both of these. {@code -Djemma.arithmetic=f32|int8|bf16} chooses instead, with products of bf16 emulated where
 * the CPU lacks them.
 *
 * @param arithmetic the choice
 * @param reason the figures behind it, for people
 */
public record ArithmeticChoice(Arithmetic arithmetic, String reason) {
    /** Name of the system property that chooses. */
    public static final String PROPERTY = "jemma.arithmetic";

    /** How much faster bf16 must be: less is not worth its rounding. */
    private static final double WORTHWHILE = 1.2;

    /** First line of the file: choices of other versions are made anew. */
    private static final String VERSION = "2";

    /**
     * The choice for this machine: the user's own, else that of the cache folder, else what is measured now and kept
     * there.
     *
     * @throws IllegalArgumentException if the user's own is none, or as {@link CpuOverrides#ofThisProcess} says
     */
    public static ArithmeticChoice ofThisMachine() {
        CpuOverrides.ofThisProcess(); // refuses wrong ones before a static initializer meets them
        return Optional.ofNullable(System.getProperty(PROPERTY))
                .map(ArithmeticChoice::forced)
                .orElseGet(() -> of(CacheFolder.path().resolve("arithmetic")));
    }

    private static ArithmeticChoice forced(String text) {
        try {
            return new ArithmeticChoice(Arithmetic.parse(text), "forced by -D" + PROPERTY + "=" + text);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("-Djemma." + e.getMessage(), e);
        }
    }

    /**
     * What the machine says, with a cache folder. One that cannot be read or written costs a measurement, nothing else.
     */
    static ArithmeticChoice of(Path folder) {
        CpuFeatures cpu = CpuFeatures.ofThisMachine();
        if (!cpu.bf16()) {
            String obstacle = cpu.obstacle();
            return new ArithmeticChoice(
                    cpu.vnni() ? Arithmetic.INT8 : Arithmetic.F32,
                    obstacle.isEmpty() ? "no bf16 dot product" : obstacle);
        }
        Path file = folder.resolve(cpu.signature() + ".txt");
        try {
            String[] lines = Files.readString(file).split("\n", 4);
            if (lines.length == 4 && lines[0].equals(VERSION) && lines[3].isEmpty()) {
                return new ArithmeticChoice(Arithmetic.valueOf(lines[1]), lines[2]);
            }
        } catch (IOException | IllegalArgumentException missingOrDamaged) {
            // measured anew below
        }
        ArithmeticChoice choice = measure();
        try {
            Files.createDirectories(folder);
            String text = VERSION + "\n" + choice.arithmetic.name() + "\n" + choice.reason + "\n";
            AtomicFile.write(file, text.getBytes(StandardCharsets.UTF_8));
        } catch (IOException unwritable) {
            // the next start measures again
        }
        return choice;
    }

    private static ArithmeticChoice measure() {
        double f32 = PeakRate.F32_FMA.measure().orElse(0);
        double bf16 = PeakRate.BF16_DOT.measure().orElse(0);
        double int8 = PeakRate.INT8_DOT.measure().orElse(0);
        String reason = String.format(
                Locale.ROOT,
                "a core does %.0f billion operations a second in int8, %.0f in bf16, %.0f in f32",
                int8 / 1e9,
                bf16 / 1e9,
                f32 / 1e9);
        return new ArithmeticChoice(fastest(f32, bf16, int8), reason);
    }

    /** By what a core does of each. */
    static Arithmetic fastest(double f32, double bf16, double int8) {
        if (bf16 > WORTHWHILE * f32) {
            return Arithmetic.BF16;
        }
        return int8 > f32 ? Arithmetic.INT8 : Arithmetic.F32;
    }
}
