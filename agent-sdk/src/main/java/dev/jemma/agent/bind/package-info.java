/** Between call trees and Java methods: JSON Schemas from signatures, typed arguments from calls. */
@NullMarked
package dev.jemma.agent.bind;

import org.jspecify.annotations.NullMarked;
