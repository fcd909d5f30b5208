/** An interpreter for the Jinja that Hugging Face chat templates use. */
@NullMarked
package dev.jemma.engine.template;

import org.jspecify.annotations.NullMarked;
