package dev.jemma.cuda.internal;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * The C prototype that a method binds, word for word. A test compiles all of them behind NVIDIA's own headers, where a
 * prototype that differs is a "conflicting declaration", and compares each with the method's Java types.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.METHOD)
public @interface Prototype {
    /** The declaration without its semicolon. */
    String value();
}
