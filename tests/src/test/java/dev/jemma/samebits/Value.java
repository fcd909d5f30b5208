package dev.jemma.samebits;

import java.util.Optional;

/** Something that a command gave and that must not change. */
sealed interface Value permits Figure, TensorBits {
    /** In words what {@code after} has otherwise, if anything; this is the value before. */
    Optional<String> difference(Value after);
}
