package dev.jemma.engine.toolcall;

import java.util.Objects;

/**
 * A repair and where it was needed.
 *
 * @param repair what was forgiven
 * @param offset where, in chars from the start of the answer
 */
public record AppliedRepair(Repair repair, int offset) {
    public AppliedRepair {
        Objects.requireNonNull(repair, "repair");
        if (offset < 0) {
            throw new IllegalArgumentException("offset is " + offset + ", wanted 0 or more");
        }
    }
}
