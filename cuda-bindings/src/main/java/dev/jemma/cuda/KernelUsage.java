package dev.jemma.cuda;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What the assembler gave a kernel, from its log.
 *
 * @param kernel the kernel's name
 * @param registers registers a thread
 * @param stackBytes stack of a thread, for arrays that are indexed and for spills
 * @param spillStoreBytes bytes of registers written to memory for want of room
 * @param spillLoadBytes bytes read back
 * @param sharedBytes static shared memory of a block
 */
public record KernelUsage(
        String kernel, int registers, int stackBytes, int spillStoreBytes, int spillLoadBytes, int sharedBytes) {
    private static final Pattern ENTRY = Pattern.compile("Compiling entry function '([^']+)'");
    private static final Pattern SPILLS =
            Pattern.compile("(\\d+) bytes stack frame, (\\d+) bytes spill stores, (\\d+) bytes spill loads");
    private static final Pattern USED = Pattern.compile("Used (\\d+) registers(.*)");
    private static final Pattern SHARED = Pattern.compile("(\\d+) bytes smem");

    /** Whether registers spill. */
    public boolean spills() {
        return spillStoreBytes > 0 || spillLoadBytes > 0;
    }

    /** Reads the log of {@code ptxas -v}; kernels in the order of the log. */
    static List<KernelUsage> parse(String log) {
        List<KernelUsage> kernels = new ArrayList<>();
        String kernel = "";
        int[] memory = new int[3];
        for (String line : log.lines().toList()) {
            Matcher entry = ENTRY.matcher(line);
            Matcher spills = SPILLS.matcher(line);
            Matcher used = USED.matcher(line);
            if (entry.find()) {
                kernel = entry.group(1);
                memory = new int[3];
            } else if (spills.find()) {
                for (int i = 0; i < 3; i++) {
                    memory[i] = Integer.parseInt(spills.group(i + 1));
                }
            } else if (used.find() && !kernel.isEmpty()) {
                Matcher shared = SHARED.matcher(used.group(2));
                int bytes = shared.find() ? Integer.parseInt(shared.group(1)) : 0;
                kernels.add(new KernelUsage(
                        kernel, Integer.parseInt(used.group(1)), memory[0], memory[1], memory[2], bytes));
                kernel = "";
            }
        }
        return kernels;
    }

    /** {@code vector_add: 12 registers, 0 bytes spilled, 0 bytes shared}. */
    @Override
    public String toString() {
        return kernel + ": " + registers + " registers, " + (spillStoreBytes + spillLoadBytes) + " bytes spilled, "
                + sharedBytes + " bytes shared";
    }
}
