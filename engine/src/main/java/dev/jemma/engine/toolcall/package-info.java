/** Wire formats of tool calls: text to call tree and back, one class a format. */
@NullMarked
package dev.jemma.engine.toolcall;

import org.jspecify.annotations.NullMarked;
