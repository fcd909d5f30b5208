package dev.jemma.cuda.internal;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** The driver functions for streams, events and stream capture. Status codes are returned as they are. */
public final class StreamFunctions {
    private static final NativeLibrary DRIVER = Libraries.driver();

    private StreamFunctions() {}

    private static final MethodHandle STREAM_CREATE = DRIVER.function("cuStreamCreate", JAVA_INT, ADDRESS, JAVA_INT);

    @Prototype("CUresult cuStreamCreate(CUstream *phStream, unsigned int Flags)")
    public static int cuStreamCreate(MemorySegment phStream, int flags) {
        try {
            return (int) STREAM_CREATE.invokeExact(phStream, flags);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle STREAM_DESTROY = DRIVER.function("cuStreamDestroy_v2", JAVA_INT, JAVA_LONG);

    @Prototype("CUresult cuStreamDestroy_v2(CUstream hStream)")
    public static int cuStreamDestroy_v2(long hStream) {
        try {
            return (int) STREAM_DESTROY.invokeExact(hStream);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle STREAM_SYNCHRONIZE = DRIVER.function("cuStreamSynchronize", JAVA_INT, JAVA_LONG);

    @Prototype("CUresult cuStreamSynchronize(CUstream hStream)")
    public static int cuStreamSynchronize(long hStream) {
        try {
            return (int) STREAM_SYNCHRONIZE.invokeExact(hStream);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle STREAM_QUERY = DRIVER.function("cuStreamQuery", JAVA_INT, JAVA_LONG);

    @Prototype("CUresult cuStreamQuery(CUstream hStream)")
    public static int cuStreamQuery(long hStream) {
        try {
            return (int) STREAM_QUERY.invokeExact(hStream);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle STREAM_WAIT_EVENT =
            DRIVER.function("cuStreamWaitEvent", JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT);

    @Prototype("CUresult cuStreamWaitEvent(CUstream hStream, CUevent hEvent, unsigned int Flags)")
    public static int cuStreamWaitEvent(long hStream, long hEvent, int flags) {
        try {
            return (int) STREAM_WAIT_EVENT.invokeExact(hStream, hEvent, flags);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle STREAM_BEGIN_CAPTURE =
            DRIVER.function("cuStreamBeginCapture_v2", JAVA_INT, JAVA_LONG, JAVA_INT);

    @Prototype("CUresult cuStreamBeginCapture_v2(CUstream hStream, CUstreamCaptureMode mode)")
    public static int cuStreamBeginCapture_v2(long hStream, int mode) {
        try {
            return (int) STREAM_BEGIN_CAPTURE.invokeExact(hStream, mode);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle STREAM_END_CAPTURE =
            DRIVER.function("cuStreamEndCapture", JAVA_INT, JAVA_LONG, ADDRESS);

    @Prototype("CUresult cuStreamEndCapture(CUstream hStream, CUgraph *phGraph)")
    public static int cuStreamEndCapture(long hStream, MemorySegment phGraph) {
        try {
            return (int) STREAM_END_CAPTURE.invokeExact(hStream, phGraph);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle STREAM_IS_CAPTURING =
            DRIVER.function("cuStreamIsCapturing", JAVA_INT, JAVA_LONG, ADDRESS);

    @Prototype("CUresult cuStreamIsCapturing(CUstream hStream, CUstreamCaptureStatus *captureStatus)")
    public static int cuStreamIsCapturing(long hStream, MemorySegment captureStatus) {
        try {
            return (int) STREAM_IS_CAPTURING.invokeExact(hStream, captureStatus);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle EVENT_CREATE = DRIVER.function("cuEventCreate", JAVA_INT, ADDRESS, JAVA_INT);

    @Prototype("CUresult cuEventCreate(CUevent *phEvent, unsigned int Flags)")
    public static int cuEventCreate(MemorySegment phEvent, int flags) {
        try {
            return (int) EVENT_CREATE.invokeExact(phEvent, flags);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle EVENT_DESTROY = DRIVER.function("cuEventDestroy_v2", JAVA_INT, JAVA_LONG);

    @Prototype("CUresult cuEventDestroy_v2(CUevent hEvent)")
    public static int cuEventDestroy_v2(long hEvent) {
        try {
            return (int) EVENT_DESTROY.invokeExact(hEvent);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle EVENT_RECORD = DRIVER.function("cuEventRecord", JAVA_INT, JAVA_LONG, JAVA_LONG);

    @Prototype("CUresult cuEventRecord(CUevent hEvent, CUstream hStream)")
    public static int cuEventRecord(long hEvent, long hStream) {
        try {
            return (int) EVENT_RECORD.invokeExact(hEvent, hStream);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle EVENT_SYNCHRONIZE = DRIVER.function("cuEventSynchronize", JAVA_INT, JAVA_LONG);

    @Prototype("CUresult cuEventSynchronize(CUevent hEvent)")
    public static int cuEventSynchronize(long hEvent) {
        try {
            return (int) EVENT_SYNCHRONIZE.invokeExact(hEvent);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle EVENT_QUERY = DRIVER.function("cuEventQuery", JAVA_INT, JAVA_LONG);

    @Prototype("CUresult cuEventQuery(CUevent hEvent)")
    public static int cuEventQuery(long hEvent) {
        try {
            return (int) EVENT_QUERY.invokeExact(hEvent);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle EVENT_ELAPSED_TIME =
            DRIVER.function("cuEventElapsedTime", JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG);

    @Prototype("CUresult cuEventElapsedTime(float *pMilliseconds, CUevent hStart, CUevent hEnd)")
    public static int cuEventElapsedTime(MemorySegment pMilliseconds, long hStart, long hEnd) {
        try {
            return (int) EVENT_ELAPSED_TIME.invokeExact(pMilliseconds, hStart, hEnd);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }
}
