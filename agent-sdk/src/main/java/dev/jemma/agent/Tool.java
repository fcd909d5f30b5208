package dev.jemma.agent;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Marks a method that a language model may call. Any visibility, static, inherited from a class or an interface; the
 * parameters' names come from the class file (compile with {@code -parameters}) or from {@link Param#name}.
 */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.METHOD)
public @interface Tool {
    /** What the method does, in a sentence that tells the model when to call it. */
    String value() default "";

    /** The name the model calls it by; the method's own if empty. */
    String name() default "";

    /** What a call does to the world: decides on approval and on whether a repeated call runs again. */
    Effect effect() default Effect.CHANGES;

    /** How exactly arguments must fit. */
    Fit fit() default Fit.LENIENT;

    /** Milliseconds after which a call is interrupted; 0 for the agent's {@link Limits#toolTimeout}. */
    long timeoutMillis() default 0;

    /** What a call does to the world. */
    enum Effect {
        /** Only looks: the same call twice in a turn runs once. */
        READS,
        /** Changes something, the second time to the same: the same call twice in a turn runs once. */
        IDEMPOTENT,
        /** Changes something each time. */
        CHANGES,
        /** Changes something that cannot be undone: an agent with such a tool must have an {@link Approval}. */
        DESTRUCTIVE
    }

    /** How exactly arguments must fit. */
    enum Fit {
        /** Harmless differences are accepted and reported as coercions, such as {@code "3"} for an int. */
        LENIENT,
        /** Every difference is an error that the model is told about. */
        STRICT
    }
}
