/** Fine-tuning: rows, loss masks, batches, optimizer, schedules, checkpoints. */
@NullMarked
package dev.jemma.engine.train;

import org.jspecify.annotations.NullMarked;
