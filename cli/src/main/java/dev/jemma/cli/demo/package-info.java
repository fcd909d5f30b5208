/** What {@code jemma demo} shows: Java methods, rows about them, and a tiny model that learns to call them. */
@NullMarked
package dev.jemma.cli.demo;

import org.jspecify.annotations.NullMarked;
