/** A template's text as a tree: tokens, statements, expressions, each with its place. Nothing is evaluated here. */
@NullMarked
package dev.jemma.engine.template.syntax;

import org.jspecify.annotations.NullMarked;
