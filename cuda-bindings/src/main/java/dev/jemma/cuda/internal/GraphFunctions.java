package dev.jemma.cuda.internal;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** The driver functions for graphs. Status codes are returned as they are. */
public final class GraphFunctions {
    private static final NativeLibrary DRIVER = Libraries.driver();

    private GraphFunctions() {}

    private static final MethodHandle GRAPH_GET_NODES =
            DRIVER.function("cuGraphGetNodes", JAVA_INT, JAVA_LONG, ADDRESS, ADDRESS);

    @Prototype("CUresult cuGraphGetNodes(CUgraph hGraph, CUgraphNode *nodes, size_t *numNodes)")
    public static int cuGraphGetNodes(long hGraph, MemorySegment nodes, MemorySegment numNodes) {
        try {
            return (int) GRAPH_GET_NODES.invokeExact(hGraph, nodes, numNodes);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle GRAPH_INSTANTIATE_WITH_FLAGS =
            DRIVER.since("11.4", "cuGraphInstantiateWithFlags", JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG);

    @Prototype(
            "CUresult cuGraphInstantiateWithFlags(CUgraphExec *phGraphExec, CUgraph hGraph, unsigned long long flags)")
    public static int cuGraphInstantiateWithFlags(MemorySegment phGraphExec, long hGraph, long flags) {
        try {
            return (int) GRAPH_INSTANTIATE_WITH_FLAGS.invokeExact(phGraphExec, hGraph, flags);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle GRAPH_LAUNCH = DRIVER.function("cuGraphLaunch", JAVA_INT, JAVA_LONG, JAVA_LONG);

    @Prototype("CUresult cuGraphLaunch(CUgraphExec hGraphExec, CUstream hStream)")
    public static int cuGraphLaunch(long hGraphExec, long hStream) {
        try {
            return (int) GRAPH_LAUNCH.invokeExact(hGraphExec, hStream);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle GRAPH_UPLOAD = DRIVER.function("cuGraphUpload", JAVA_INT, JAVA_LONG, JAVA_LONG);

    @Prototype("CUresult cuGraphUpload(CUgraphExec hGraphExec, CUstream hStream)")
    public static int cuGraphUpload(long hGraphExec, long hStream) {
        try {
            return (int) GRAPH_UPLOAD.invokeExact(hGraphExec, hStream);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle GRAPH_EXEC_UPDATE =
            DRIVER.since("12.0", "cuGraphExecUpdate_v2", JAVA_INT, JAVA_LONG, JAVA_LONG, ADDRESS);

    @Prototype(
            "CUresult cuGraphExecUpdate_v2(CUgraphExec hGraphExec, CUgraph hGraph, CUgraphExecUpdateResultInfo *resultInfo)")
    public static int cuGraphExecUpdate_v2(long hGraphExec, long hGraph, MemorySegment resultInfo) {
        try {
            return (int) GRAPH_EXEC_UPDATE.invokeExact(hGraphExec, hGraph, resultInfo);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle GRAPH_DESTROY = DRIVER.function("cuGraphDestroy", JAVA_INT, JAVA_LONG);

    @Prototype("CUresult cuGraphDestroy(CUgraph hGraph)")
    public static int cuGraphDestroy(long hGraph) {
        try {
            return (int) GRAPH_DESTROY.invokeExact(hGraph);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle GRAPH_EXEC_DESTROY = DRIVER.function("cuGraphExecDestroy", JAVA_INT, JAVA_LONG);

    @Prototype("CUresult cuGraphExecDestroy(CUgraphExec hGraphExec)")
    public static int cuGraphExecDestroy(long hGraphExec) {
        try {
            return (int) GRAPH_EXEC_DESTROY.invokeExact(hGraphExec);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }
}
