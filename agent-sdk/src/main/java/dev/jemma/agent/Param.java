package dev.jemma.agent;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** Describes a parameter of a {@link Tool}, a component of a record, or a constant of an enum, for the model. */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.PARAMETER, ElementType.RECORD_COMPONENT, ElementType.FIELD})
public @interface Param {
    /** Stands for "there is no default". */
    String NO_DEFAULT = "\u0000";

    /** What it is, with its unit. */
    String value() default "";

    /** The name on the wire; the parameter's own if empty. */
    String name() default "";

    /**
     * The value if the model leaves it out: JSON, or the bare text of a string, enum constant or date. Checked when the
     * toolbox is built, made anew for every call.
     */
    String defaultValue() default NO_DEFAULT;

    /** False: the model may leave it out, and the method gets null (or the default). */
    boolean required() default true;
}
