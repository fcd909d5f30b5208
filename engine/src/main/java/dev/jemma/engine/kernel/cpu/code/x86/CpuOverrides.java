package dev.jemma.engine.kernel.cpu.code.x86;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * What this process does without, whatever the machine offers: system properties, by which tests and people who
 * measure get on one machine what Jemma does on others. None adds what the CPU lacks.
 *
 * @param machineCode {@code -Djemma.machineCode=on|off}: off leaves everything to the Vector API, as where executable
 *     memory is forbidden
 * @param without {@code -Djemma.cpuWithout=avx512,bf16,vnni,vbmi}: what the CPU shall count as lacking; all of them
 *     without AVX-512
 * @param vectorBits {@code -Djemma.vectorBits=128|256|512}: the width of the Vector API's vectors; any width computes
 *     on any CPU (those that it lacks very slowly)
 */
public record CpuOverrides(MachineCode machineCode, Set<Feature> without, OptionalInt vectorBits) {
    private static final String MACHINE_CODE = "jemma.machineCode";
    private static final String WITHOUT = "jemma.cpuWithout";
    private static final String VECTOR_BITS = "jemma.vectorBits";

    /** Whether machine code may run. */
    public enum MachineCode {
        ON,
        OFF
    }

    /** What a CPU may lack. */
    public enum Feature {
        /** AVX-512 as a whole: vectors are at most 256 bits wide, and no machine code runs. */
        AVX512,
        BF16,
        VNNI,
        VBMI;

        /** As the property names it. */
        String key() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    public CpuOverrides {
        without = without.contains(Feature.AVX512)
                ? EnumSet.allOf(Feature.class)
                : without.isEmpty() ? Set.of() : EnumSet.copyOf(without);
    }

    /**
     * Those of this process.
     *
     * @throws IllegalArgumentException if a property has a value that it does not take
     */
    public static CpuOverrides ofThisProcess() {
        return of(name -> Optional.ofNullable(System.getProperty(name)));
    }

    /** The same of properties that are looked up by name. */
    static CpuOverrides of(Function<String, Optional<String>> properties) {
        return new CpuOverrides(
                properties.apply(MACHINE_CODE).map(CpuOverrides::machineCode).orElse(MachineCode.ON),
                properties.apply(WITHOUT).map(CpuOverrides::features).orElse(Set.of()),
                properties.apply(VECTOR_BITS).map(CpuOverrides::bits).orElse(OptionalInt.empty()));
    }

    private static MachineCode machineCode(String text) {
        return switch (text) {
            case "on" -> MachineCode.ON;
            case "off" -> MachineCode.OFF;
            default -> throw wrong(MACHINE_CODE, text, "on or off");
        };
    }

    private static IllegalArgumentException wrong(String property, String text, String wanted) {
        return new IllegalArgumentException("-D" + property + " is '" + text + "', wanted " + wanted);
    }

    private static Set<Feature> features(String list) {
        Set<Feature> features = EnumSet.noneOf(Feature.class);
        for (String name : list.split(",", -1)) {
            features.add(Arrays.stream(Feature.values())
                    .filter(feature -> feature.key().equals(name))
                    .findAny()
                    .orElseThrow(() -> wrong(WITHOUT, list, "some of " + keys(EnumSet.allOf(Feature.class)))));
        }
        return features;
    }

    private static OptionalInt bits(String text) {
        return switch (text) {
            case "128", "256", "512" -> OptionalInt.of(Integer.parseInt(text));
            default -> throw wrong(VECTOR_BITS, text, "128, 256 or 512");
        };
    }

    /** Whether the CPU shall count as lacking {@code feature}. */
    public boolean lacks(Feature feature) {
        return without.contains(feature);
    }

    /** The properties, as Java takes them; empty if there is none. */
    public String description() {
        List<String> given = new ArrayList<>();
        if (machineCode == MachineCode.OFF) {
            given.add("-D" + MACHINE_CODE + "=off");
        }
        if (!without.isEmpty()) {
            given.add("-D" + WITHOUT + "=" + (lacks(Feature.AVX512) ? Feature.AVX512.key() : keys(without)));
        }
        vectorBits.ifPresent(bits -> given.add("-D" + VECTOR_BITS + "=" + bits));
        return String.join(" ", given);
    }

    private static String keys(Set<Feature> features) {
        return features.stream().map(Feature::key).collect(Collectors.joining(","));
    }
}
