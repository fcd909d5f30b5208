package dev.jemma.engine.kernel.cpu.code;

/** Whether a function caps: {@code cap * tanh(x / cap)}. */
enum Softcap {
    NONE,
    TANH;

    /** Of a cap, where 0 is none. */
    static Softcap of(float cap) {
        return cap == 0 ? NONE : TANH;
    }
}
