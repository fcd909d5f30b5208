/** Files: strict JSON reading with complaints that name their place, and replacing files so that a kill leaves the old or the new. */
@NullMarked
package dev.jemma.engine.io;

import org.jspecify.annotations.NullMarked;
