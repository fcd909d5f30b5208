/**
 * Walks a template's tree and writes its text: scopes, loops, macros, and Jinja's filters, tests and global functions.
 */
@NullMarked
package dev.jemma.engine.template.run;

import org.jspecify.annotations.NullMarked;
