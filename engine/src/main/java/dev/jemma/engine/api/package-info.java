/** The engine's vocabulary: records, enums and exceptions that every layer and every caller shares. */
@NullMarked
package dev.jemma.engine.api;

import org.jspecify.annotations.NullMarked;
