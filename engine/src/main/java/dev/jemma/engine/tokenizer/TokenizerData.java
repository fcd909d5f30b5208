package dev.jemma.engine.tokenizer;

import java.util.List;

/** Everything a tokenizer is made of, read from a file and laid out. Immutable. */
record TokenizerData(
        Vocabulary vocabulary, MergeTable merges, ModelOptions options, List<AddedToken> added, TextRules rules) {}
