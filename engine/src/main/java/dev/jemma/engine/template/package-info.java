/**
 * The Jinja that Hugging Face chat templates use: this is the face, all that others see of it. It reads JSON into
 * values that know whose text they are, has the template run, and cuts what came out by origin. Behind it
 * {@code syntax} makes a template's text a tree, {@code value} is Python's values and what they can do, and {@code run}
 * walks the tree; run knows both, syntax knows value for its constants, and value knows neither.
 */
@NullMarked
package dev.jemma.engine.template;

import org.jspecify.annotations.NullMarked;
