package dev.jemma.engine.template.value;

import dev.jemma.engine.api.TemplateException;

/**
 * What one rendering may spend. Templates come from downloads, so work, nesting and text are bounded: a hostile
 * template fails with {@link TemplateException.Kind#LIMIT} in well under a second.
 *
 * <p>A step is an evaluated node, an element visited or eight characters handled.
 */
public final class Budget {
    private static final int MAX_DEPTH = 400;

    private final long maxSteps;
    private final long maxCharacters;
    private long steps;
    private int depth;

    public Budget(long maxSteps, long maxCharacters) {
        this.maxSteps = maxSteps;
        this.maxCharacters = maxCharacters;
    }

    /** Spends {@code n} steps. */
    public void charge(long n) {
        steps += n;
        if (steps > maxSteps) {
            throw TemplateException.limit("the template takes more than " + maxSteps + " steps");
        }
    }

    /** Spends the work of handling {@code n} characters. */
    public void chargeText(long n) {
        charge(1 + (n >> 3));
    }

    /** Refuses a single text longer than the bound. */
    void checkLength(long characters) {
        if (characters > maxCharacters) {
            throw TemplateException.limit("the template makes a text of more than " + maxCharacters + " characters");
        }
    }

    public void enter() {
        steps++;
        if (++depth > MAX_DEPTH) {
            throw TemplateException.limit("the template nests deeper than " + MAX_DEPTH + " levels");
        }
        if (steps > maxSteps) {
            charge(0);
        }
    }

    public void leave() {
        depth--;
    }
}
