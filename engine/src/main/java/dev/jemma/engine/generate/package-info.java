/** Generation: sampling, stop rules, streaming. */
@NullMarked
package dev.jemma.engine.generate;

import org.jspecify.annotations.NullMarked;
