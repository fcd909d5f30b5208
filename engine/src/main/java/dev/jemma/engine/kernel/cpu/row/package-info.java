/**
 * Operations on rows and on elements: norms, rows that are picked by index or depend on their position, activations,
 * the loss, the optimizer.
 */
@NullMarked
package dev.jemma.engine.kernel.cpu.row;

import org.jspecify.annotations.NullMarked;
