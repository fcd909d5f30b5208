#!/usr/bin/env python3
"""Blocks of every quantized type that Jemma reads, with the values that the Python package gguf makes of them.

    pip install gguf==0.19.0 numpy safetensors && python3 tests/scripts/make_gguf_golden.py

Writes tests/src/test/resources/gguf/blocks.safetensors: for each type NAME.blocks (bytes) and NAME.values (float32). The first blocks
are the extremes: scales of zero, minus zero, the smallest and largest denormal, the smallest normal and the largest float16, each with
quants and sub-scales of all zeros, all ones and random bits. The rest are random bits with random finite scales. Seeded.
"""
import pathlib

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize
from safetensors.numpy import save_file

OUT = pathlib.Path(__file__).parents[1] / "src/test/resources/gguf/blocks.safetensors"
# where the float16 scales of a block lie
SCALES = {"Q4_0": [0], "Q5_0": [0], "Q8_0": [0], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}
EXTREMES = [0x0000, 0x8000, 0x0001, 0x03FF, 0x0400, 0x7BFF, 0xFBFF, 0x8001]
RANDOM_BLOCKS = 24


def blocks_of(name, rng):
    size = GGML_QUANT_SIZES[GGMLQuantizationType[name]][1]
    fills = [np.zeros(size, np.uint8), np.full(size, 255, np.uint8), rng.integers(0, 256, size, np.uint8)]
    rows = []
    for i, scale in enumerate(EXTREMES):
        for fill in fills:
            row = fill.copy()
            for k, at in enumerate(SCALES[name]):
                row[at:at + 2] = np.frombuffer(np.uint16(EXTREMES[(i + k) % len(EXTREMES)]).tobytes(), np.uint8)
            rows.append(row)
    for _ in range(RANDOM_BLOCKS):
        row = rng.integers(0, 256, size, np.uint8)
        for at in SCALES[name]:
            scale = np.float16(rng.normal() * 10.0 ** rng.integers(-6, 3))
            row[at:at + 2] = np.frombuffer(scale.tobytes(), np.uint8)
        rows.append(row)
    return np.stack(rows)


def main():
    rng = np.random.default_rng(4)
    tensors = {}
    for name in SCALES:
        blocks = blocks_of(name, rng)
        values = dequantize(blocks, GGMLQuantizationType[name]).astype(np.float32)
        assert np.isfinite(values).all(), name
        tensors[name + ".blocks"] = blocks.reshape(-1)
        tensors[name + ".values"] = values.reshape(-1)
    save_file(tensors, OUT)
    print(OUT, OUT.stat().st_size)


if __name__ == "__main__":
    main()
