package dev.jemma.tests;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;

/** Java heap that was allocated, by all threads together, those that have ended included. */
public final class Allocated {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private Allocated() {}

    /** Bytes since the JVM began. */
    public static long bytes() {
        return THREADS.getTotalThreadAllocatedBytes();
    }
}
