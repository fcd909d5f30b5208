/** What model folders, adapter folders and safetensors files hold, and what is wrong with them. */
@NullMarked
package dev.jemma.engine.inspect;

import org.jspecify.annotations.NullMarked;
