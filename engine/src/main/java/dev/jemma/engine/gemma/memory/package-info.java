/**
 * Where results lie while a model computes, how long they live, and who shares whose memory; cached keys and values,
 * rotary tables.
 */
@NullMarked
package dev.jemma.engine.gemma.memory;

import org.jspecify.annotations.NullMarked;
