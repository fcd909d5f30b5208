/**
 * Files: JSON and JSON Lines read with complaints that name their place, and files replaced so that a kill leaves the
 * old or the new.
 */
@NullMarked
package dev.jemma.engine.io;

import org.jspecify.annotations.NullMarked;
