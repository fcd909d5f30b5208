/** LoRA adapters with PEFT's semantics: attach, load, save, merge. */
@NullMarked
package dev.jemma.engine.lora;

import org.jspecify.annotations.NullMarked;
