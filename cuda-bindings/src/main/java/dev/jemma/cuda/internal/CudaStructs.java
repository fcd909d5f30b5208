package dev.jemma.cuda.internal;

import static java.lang.foreign.MemoryLayout.paddingLayout;
import static java.lang.foreign.MemoryLayout.sequenceLayout;
import static java.lang.foreign.MemoryLayout.structLayout;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.StructLayout;

/**
 * Layouts of the C structs that cross the border, under their C names and with their C field names; a test compares
 * sizes and offsets with the headers. Pointers that Java never follows are {@code JAVA_LONG}, as handles are.
 */
public final class CudaStructs {
    private CudaStructs() {}

    /** Shape, stream and attributes of one launch. */
    public static final StructLayout CU_LAUNCH_CONFIG = structLayout(
                    JAVA_INT.withName("gridDimX"),
                    JAVA_INT.withName("gridDimY"),
                    JAVA_INT.withName("gridDimZ"),
                    JAVA_INT.withName("blockDimX"),
                    JAVA_INT.withName("blockDimY"),
                    JAVA_INT.withName("blockDimZ"),
                    JAVA_INT.withName("sharedMemBytes"),
                    paddingLayout(4),
                    JAVA_LONG.withName("hStream"),
                    JAVA_LONG.withName("attrs"),
                    JAVA_INT.withName("numAttrs"),
                    paddingLayout(4))
            .withName("CUlaunchConfig");

    /** One attribute of a launch; the value is a union of 64 bytes. */
    public static final StructLayout CU_LAUNCH_ATTRIBUTE = structLayout(
                    JAVA_INT.withName("id"),
                    paddingLayout(4),
                    sequenceLayout(8, JAVA_LONG).withName("value"))
            .withName("CUlaunchAttribute");

    /** Why a graph could not be updated in place. */
    public static final StructLayout CU_GRAPH_EXEC_UPDATE_RESULT_INFO = structLayout(
                    JAVA_INT.withName("result"),
                    paddingLayout(4),
                    JAVA_LONG.withName("errorNode"),
                    JAVA_LONG.withName("errorFromNode"))
            .withName("CUgraphExecUpdateResultInfo");

    /** 16 bytes that name a device on any machine. */
    public static final StructLayout CU_UUID =
            structLayout(sequenceLayout(16, JAVA_BYTE).withName("bytes")).withName("CUuuid");

    /** What cuBLASLt's heuristic proposes; {@code algo} is passed on as it is. */
    public static final StructLayout CUBLAS_LT_MATMUL_HEURISTIC_RESULT = structLayout(
                    sequenceLayout(8, JAVA_LONG).withName("algo"),
                    JAVA_LONG.withName("workspaceSize"),
                    JAVA_INT.withName("state"),
                    JAVA_FLOAT.withName("wavesCount"),
                    sequenceLayout(4, JAVA_INT).withName("reserved"))
            .withName("cublasLtMatmulHeuristicResult_t");

    /** Offset in bytes of a field. */
    public static long offset(StructLayout struct, String field) {
        return struct.byteOffset(PathElement.groupElement(field));
    }
}
