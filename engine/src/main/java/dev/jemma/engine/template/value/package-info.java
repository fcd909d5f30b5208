/**
 * Python's values as a template sees them, with the operators, methods and conversions that Python gives them, and the
 * bound on what they may cost. Text knows, character by character, whose it is. Knows nothing of templates.
 */
@NullMarked
package dev.jemma.engine.template.value;

import org.jspecify.annotations.NullMarked;
