/** The commands of jemma. */
@NullMarked
package dev.jemma.cli;

import org.jspecify.annotations.NullMarked;
