/** Annotated Java methods as tools of a language model. */
@NullMarked
package dev.jemma.agent;

import org.jspecify.annotations.NullMarked;
