/** The safetensors format: memory-mapped reader, sharded index, atomic writer. */
@NullMarked
package dev.jemma.engine.safetensors;

import org.jspecify.annotations.NullMarked;
