package dev.jemma.engine.gemma;

/** The linear maps of a block, in the order in which a forward meets them. */
enum Projection {
    Q_PROJ("self_attn.q_proj"),
    K_PROJ("self_attn.k_proj"),
    V_PROJ("self_attn.v_proj"),
    O_PROJ("self_attn.o_proj"),
    GATE_PROJ("mlp.gate_proj"),
    UP_PROJ("mlp.up_proj"),
    DOWN_PROJ("mlp.down_proj");

    private final String path;

    Projection(String path) {
        this.path = path;
    }

    /** Its name inside a layer, as in checkpoints: {@code self_attn.q_proj}. */
    String path() {
        return path;
    }
}
