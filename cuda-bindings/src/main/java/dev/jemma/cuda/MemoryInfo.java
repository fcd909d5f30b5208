package dev.jemma.cuda;

/**
 * Device memory at one moment, as the driver counts it for all processes together.
 *
 * @param freeBytes what an allocation could still get, fragmentation aside
 * @param totalBytes what the device has
 */
public record MemoryInfo(long freeBytes, long totalBytes) {}
