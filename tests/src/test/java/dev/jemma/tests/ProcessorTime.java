package dev.jemma.tests;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;

/**
 * Time that a thread computed, which is what tests of growth and bounds compare: on a machine that does something else
 * meanwhile, the time on the clock says more of that than of the code.
 */
public final class ProcessorTime {
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    private ProcessorTime() {}

    /** Seconds that the calling thread has computed since it began. */
    public static double seconds() {
        return THREADS.getCurrentThreadCpuTime() / 1e9;
    }
}
