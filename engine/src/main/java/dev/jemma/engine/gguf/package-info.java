/** GGUF, llama.cpp's file format of models: memory-mapped reader, metadata, and the decoding of its blocks. */
@NullMarked
package dev.jemma.engine.gguf;

import org.jspecify.annotations.NullMarked;
