/**
 * The raw layer: one Java method for each C function, with the C prototype above it, and the search for the libraries.
 * Nothing here checks a status or owns a handle; that is the work of {@code dev.jemma.cuda}.
 */
@NullMarked
package dev.jemma.cuda.internal;

import org.jspecify.annotations.NullMarked;
