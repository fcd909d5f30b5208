package dev.jemma.samebits;

import com.sun.management.HotSpotDiagnosticMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;

/**
 * How kernels run.
 *
 * @param bits width of vectors
 * @param code whether kernels may be machine code of Jemma's own
 */
record Mode(int bits, MachineCode code) {
    enum MachineCode {
        ON,
        OFF
    }

    private static final int WIDEST = widest();

    /** The width that Java prefers on this machine; wider ones would be computed lane by lane and take minutes. */
    private static int widest() {
        HotSpotDiagnosticMXBean vm = ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
        int bytes = Integer.parseInt(vm.getVMOption("MaxVectorSize").getValue());
        return Math.clamp(bytes * 8L, 128, 512);
    }

    /** As users run it. */
    static Mode usual() {
        return new Mode(WIDEST, MachineCode.ON);
    }

    /** Narrower ones with machine code. It needs AVX-512; without that they would be modes of the Vector API. */
    static List<Mode> narrower() {
        List<Mode> modes = new ArrayList<>();
        for (int bits = WIDEST / 2; WIDEST == 512 && bits >= 128; bits /= 2) {
            modes.add(new Mode(bits, MachineCode.ON));
        }
        return modes;
    }

    /** The Vector API alone, in each width. */
    static List<Mode> withoutMachineCode() {
        List<Mode> modes = new ArrayList<>();
        for (int bits = WIDEST; bits >= 128; bits /= 2) {
            modes.add(new Mode(bits, MachineCode.OFF));
        }
        return modes;
    }

    /** Java's options for it. */
    String options() {
        return "-Djemma.vectorBits=" + bits + (code == MachineCode.OFF ? " -Djemma.machineCode=off" : "");
    }

    /**
     * Java's options for it and commands of a second or two: where kernels are machine code, Java's second compiler
     * takes a third of that and gives nothing. The Vector API needs it, because its vectors are objects until then.
     */
    String optionsOfShortRuns() {
        return options() + (code == MachineCode.ON && WIDEST == 512 ? " -XX:TieredStopAtLevel=1" : "");
    }

    @Override
    public String toString() {
        return bits + " bits" + (code == MachineCode.OFF ? ", no machine code" : "");
    }
}
