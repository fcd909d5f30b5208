package dev.jemma.engine.kernel.cpu.code.x86;

/**
 * General-purpose registers, by number. The first six arguments of a C function come in RDI, RSI, RDX, RCX, R8, R9
 * (System V ABI for x86-64, 3.2.3).
 */
public enum Gp {
    RAX,
    RCX,
    RDX,
    RBX,
    RSP,
    RBP,
    RSI,
    RDI,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15
}
