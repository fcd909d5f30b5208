package dev.jemma.engine.kernel;

import dev.jemma.engine.tensor.Tensor;

/**
 * Rotary angles of every position, computed once as Hugging Face does (f32 inverse frequencies and products). Borrowed.
 *
 * @param cos [positions, headDim / 2], f32
 * @param sin [positions, headDim / 2], f32
 */
public record RopeTable(Tensor cos, Tensor sin) {}
