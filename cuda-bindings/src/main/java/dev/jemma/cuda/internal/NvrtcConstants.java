package dev.jemma.cuda.internal;

/** Constants of NVRTC, by their C names. A test compares every value with {@code nvrtc.h}. */
public final class NvrtcConstants {
    private NvrtcConstants() {}

    // Statuses
    public static final int NVRTC_SUCCESS = 0;
    public static final int NVRTC_ERROR_OUT_OF_MEMORY = 1;
    public static final int NVRTC_ERROR_INVALID_INPUT = 3;
    public static final int NVRTC_ERROR_INVALID_OPTION = 5;
    public static final int NVRTC_ERROR_COMPILATION = 6;
    public static final int NVRTC_ERROR_BUILTIN_OPERATION_FAILURE = 7;
}
