/**
 * Scores function calls: the Berkeley Function Calling Leaderboard's AST rules, schema validity, and the report of a
 * run.
 */
@NullMarked
package dev.jemma.engine.eval;

import org.jspecify.annotations.NullMarked;
