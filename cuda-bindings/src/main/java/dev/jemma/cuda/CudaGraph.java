package dev.jemma.cuda;

import static dev.jemma.cuda.internal.DriverConstants.*;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.jemma.cuda.internal.CudaStructs;
import dev.jemma.cuda.internal.GraphFunctions;
import dev.jemma.cuda.internal.StreamFunctions;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Work recorded from a stream and replayed as one submission: a launch costs the driver once, not once a kernel.
 * Addresses and numbers are those of the recording; what changes between replays lies in device memory, or the graph is
 * updated from a new recording.
 */
public final class CudaGraph implements AutoCloseable {
    private final CudaContext context;
    private final Lifetime lifetime;
    private long executable;
    private long nodes;

    /** What {@link #update} did. */
    public enum Update {
        /** The executable graph took the new parameters. */
        IN_PLACE,
        /** The shape of the work had changed, so the graph was instantiated anew. */
        REBUILT
    }

    private CudaGraph(CudaContext context, long executable, long nodes) {
        this.context = context;
        this.executable = executable;
        this.nodes = nodes;
        this.lifetime = new Lifetime(
                context,
                "CudaGraph",
                () -> context.checkRelease(GraphFunctions.cuGraphExecDestroy(this.executable), "cuGraphExecDestroy"));
    }

    /**
     * Runs {@code work}, which submits to {@code stream} (and to streams that wait for its events, if it waits for
     * theirs in the end), and records instead of executing. Allocating, loading, creating handles and synchronising are
     * not possible inside.
     *
     * @throws CudaException if the work cannot be recorded; nothing is left open then
     */
    public static CudaGraph capture(CudaStream stream, Runnable work) {
        CudaContext context = stream.context();
        long graph = record(stream, work);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            long nodes = count(context, graph, arena);
            context.check(
                    GraphFunctions.cuGraphInstantiateWithFlags(out, graph, 0),
                    () -> "cuGraphInstantiate of " + nodes + " nodes");
            return new CudaGraph(context, out.get(JAVA_LONG, 0), nodes);
        } finally {
            context.checkRelease(GraphFunctions.cuGraphDestroy(graph), "cuGraphDestroy");
        }
    }

    private static long record(CudaStream stream, Runnable work) {
        CudaContext context = stream.context();
        long handle = stream.handle();
        context.check(
                StreamFunctions.cuStreamBeginCapture_v2(handle, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL),
                "cuStreamBeginCapture");
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            try {
                work.run();
            } catch (RuntimeException | Error e) {
                StreamFunctions.cuStreamEndCapture(handle, out); // the failure of the work is the one to report
                if (out.get(JAVA_LONG, 0) != 0) {
                    GraphFunctions.cuGraphDestroy(out.get(JAVA_LONG, 0));
                }
                throw e;
            }
            context.check(StreamFunctions.cuStreamEndCapture(handle, out), "cuStreamEndCapture");
            return out.get(JAVA_LONG, 0);
        }
    }

    private static long count(CudaContext context, long graph, Arena arena) {
        MemorySegment count = arena.allocate(JAVA_LONG);
        context.check(GraphFunctions.cuGraphGetNodes(graph, MemorySegment.NULL, count), "cuGraphGetNodes");
        return count.get(JAVA_LONG, 0);
    }

    /** Kernels, copies and fills in it. */
    public long nodes() {
        return nodes;
    }

    /** Submits all of it to {@code stream}. */
    public void launch(CudaStream stream) {
        lifetime.use();
        context.check(
                GraphFunctions.cuGraphLaunch(executable, stream.handle()),
                () -> "cuGraphLaunch of " + nodes + " nodes");
    }

    /** Moves what the first launch would have to move to the device now. */
    public void upload(CudaStream stream) {
        lifetime.use();
        context.check(GraphFunctions.cuGraphUpload(executable, stream.handle()), "cuGraphUpload");
    }

    /**
     * Records {@code work} again and takes its parameters over, in place where its shape is the same.
     *
     * @throws CudaException if the work cannot be recorded; the graph stays as it was then
     */
    public Update update(CudaStream stream, Runnable work) {
        lifetime.use();
        long graph = record(stream, work);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment result = arena.allocate(CudaStructs.CU_GRAPH_EXEC_UPDATE_RESULT_INFO);
            long count = count(context, graph, arena);
            int status = GraphFunctions.cuGraphExecUpdate_v2(executable, graph, result);
            if (status == CUDA_SUCCESS && result.get(JAVA_INT, 0) == CU_GRAPH_EXEC_UPDATE_SUCCESS) {
                nodes = count;
                return Update.IN_PLACE;
            }
            if (status != CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE) {
                context.check(status, "cuGraphExecUpdate");
            }
            MemorySegment out = arena.allocate(JAVA_LONG);
            context.check(
                    GraphFunctions.cuGraphInstantiateWithFlags(out, graph, 0),
                    () -> "cuGraphInstantiate of " + count + " nodes");
            long old = executable;
            executable = out.get(JAVA_LONG, 0);
            nodes = count;
            context.checkRelease(GraphFunctions.cuGraphExecDestroy(old), "cuGraphExecDestroy");
            return Update.REBUILT;
        } finally {
            context.checkRelease(GraphFunctions.cuGraphDestroy(graph), "cuGraphDestroy");
        }
    }

    @Override
    public void close() {
        lifetime.end();
    }
}
