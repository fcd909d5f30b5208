package dev.jemma.engine.constraint;

/**
 * Decides at each step which tokens may come next: the seam for decoding by a grammar. One instance follows one answer;
 * it is used by one thread.
 */
public interface TokenConstraint {
    /** Everything may come. */
    TokenConstraint NONE = new TokenConstraint() {
        @Override
        public void mask(float[] logits) {}

        @Override
        public void accept(int id) {}
    };

    /**
     * Sets the logits of tokens that may not come next to negative infinity; at least one must stay finite. Called
     * before each choice, after penalties.
     *
     * @param logits [V]
     */
    void mask(float[] logits);

    /** A token was chosen, an end token included. */
    void accept(int id);
}
