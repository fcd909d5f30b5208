/** CUDA from Java: devices, streams, memory, modules, cuBLASLt and NVRTC as owned, typed objects. */
@NullMarked
package dev.jemma.cuda;

import org.jspecify.annotations.NullMarked;
