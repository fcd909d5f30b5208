package dev.jemma.cuda;

/**
 * What a loaded kernel needs, as the driver sees it.
 *
 * @param maxThreadsPerBlock the most threads that fit, given its registers
 * @param registers registers a thread
 * @param staticSharedBytes shared memory declared in the kernel
 * @param localBytes local memory a thread, for spills and arrays that are indexed
 */
public record KernelInfo(int maxThreadsPerBlock, int registers, int staticSharedBytes, int localBytes) {}
