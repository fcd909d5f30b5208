package dev.jemma.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What the process holds of the machine's memory, pages of mapped files included. */
final class ResidentMemory {
    private static final Path STATUS = Path.of("/proc/self/status");
    private static final String PEAK = "VmHWM:";

    private ResidentMemory() {}

    /** The most so far, from Linux's {@code VmHWM}; 0 where the system does not say. */
    static long peakBytes() {
        try {
            return Files.readAllLines(STATUS).stream()
                    .filter(line -> line.startsWith(PEAK))
                    .map(line -> line.substring(PEAK.length()).replace("kB", "").strip())
                    .mapToLong(kib -> 1024 * Long.parseLong(kib))
                    .findFirst()
                    .orElse(0);
        } catch (IOException | NumberFormatException e) {
            return 0; // another system
        }
    }
}
