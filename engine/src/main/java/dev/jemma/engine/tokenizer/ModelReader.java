package dev.jemma.engine.tokenizer;

import dev.jemma.engine.api.FormatException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.TokenStreamLocation;

/**
 * Reads the {@code model} of a tokenizer.json from a streaming parser straight into arrays. A file that writes its
 * merges before its vocabulary takes a second pass.
 */
final class ModelReader {
    private static final byte[] NO_TOKEN = {};

    private final Path file;
    private byte[] scratch = new byte[256];
    private Optional<Vocabulary> vocabulary = Optional.empty();
    private int tokenCount;
    private Optional<MergeTable.Builder> merges = Optional.empty();
    private boolean mergesSeen;
    private String unknown = "";
    private boolean fusesUnknown;
    private boolean byteFallback;

    ModelReader(Path file) {
        this.file = file;
    }

    /** Reads the model's value, whose first token is the parser's current one. */
    void read(JsonParser parser, JsonToken first) {
        if (first != JsonToken.START_OBJECT) {
            throw complain(parser, "model is " + first + ", wanted an object");
        }
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            String key = parser.currentName();
            JsonToken value = parser.nextToken();
            switch (key) {
                case "type" -> {
                    if (value != JsonToken.VALUE_STRING || !parser.getString().equals("BPE")) {
                        throw complain(parser, "model.type is " + parser.getString() + ", wanted BPE");
                    }
                }
                case "vocab" -> readVocabulary(parser, value);
                case "merges" -> {
                    mergesSeen = true;
                    if (vocabulary.isPresent()) {
                        readMerges(parser, value, vocabulary.get());
                    } else {
                        parser.skipChildren();
                    }
                }
                case "unk_token" -> unknown = value == JsonToken.VALUE_NULL ? "" : string(parser, value, key);
                case "fuse_unk" -> fusesUnknown = flag(parser, value, key);
                case "byte_fallback" -> byteFallback = flag(parser, value, key);
                case "ignore_merges" -> {
                    if (flag(parser, value, key)) {
                        throw complain(parser, "model.ignore_merges is true, which is not supported; wanted false");
                    }
                }
                case "dropout" -> {
                    if (value != JsonToken.VALUE_NULL && !(value.isNumeric() && parser.getDoubleValue() == 0)) {
                        throw complain(parser, "model.dropout is " + parser.getString() + ", wanted null");
                    }
                }
                case "continuing_subword_prefix", "end_of_word_suffix" -> {
                    if (value != JsonToken.VALUE_NULL
                            && !string(parser, value, key).isEmpty()) {
                        throw complain(parser, "model." + key + " is '" + parser.getString() + "', wanted null");
                    }
                }
                default -> parser.skipChildren();
            }
        }
    }

    private void readVocabulary(JsonParser parser, JsonToken first) {
        if (first != JsonToken.START_OBJECT) {
            throw complain(parser, "model.vocab is " + first + ", wanted an object of ids by token");
        }
        List<byte[]> tokens = new ArrayList<>(1 << 12);
        int count = 0;
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            byte[] token = Arrays.copyOf(scratch, copyString(parser, 0));
            JsonToken value = parser.nextToken();
            long id = value == JsonToken.VALUE_NUMBER_INT ? parser.getLongValue() : -1;
            if (id < 0 || id >= Vocabulary.MAX_SIZE) {
                throw complain(
                        parser,
                        "token '" + new String(token, StandardCharsets.UTF_8) + "' has id " + parser.getString()
                                + ", wanted 0 to " + (Vocabulary.MAX_SIZE - 1));
            }
            while (id >= tokens.size()) {
                tokens.add(NO_TOKEN);
            }
            if (tokens.get((int) id).length > 0) {
                throw complain(
                        parser,
                        "tokens '" + new String(tokens.get((int) id), StandardCharsets.UTF_8) + "' and '"
                                + new String(token, StandardCharsets.UTF_8) + "' share id " + id + ", wanted one each");
            }
            tokens.set((int) id, token);
            count++;
        }
        try {
            vocabulary = Optional.of(Vocabulary.of(tokens));
        } catch (IllegalArgumentException duplicate) {
            throw FormatException.in(file, "model.vocab: " + duplicate.getMessage());
        }
        tokenCount = count;
    }

    private void readMerges(JsonParser parser, JsonToken first, Vocabulary tokens) {
        if (first != JsonToken.START_ARRAY) {
            throw complain(parser, "model.merges is " + first + ", wanted an array");
        }
        var builder = new MergeTable.Builder();
        for (JsonToken item = parser.nextToken(); item != JsonToken.END_ARRAY; item = parser.nextToken()) {
            if (builder.count() == MergeTable.MAX_MERGES) {
                throw complain(parser, "model.merges holds more than " + MergeTable.MAX_MERGES + " merges");
            }
            int middle;
            int end;
            if (item == JsonToken.VALUE_STRING) {
                end = copyString(parser, 0);
                if (builder.count() == 0
                        && new String(scratch, 0, end, StandardCharsets.UTF_8).startsWith("#version")) {
                    continue;
                }
                middle = splitAtSpace(parser, end);
                end--;
            } else if (item == JsonToken.START_ARRAY && parser.nextToken() == JsonToken.VALUE_STRING) {
                middle = copyString(parser, 0);
                if (parser.nextToken() != JsonToken.VALUE_STRING) {
                    throw complain(parser, mergeName(builder) + " is not a pair of strings");
                }
                end = copyString(parser, middle);
                if (parser.nextToken() != JsonToken.END_ARRAY) {
                    throw complain(parser, mergeName(builder) + " is not a pair of strings");
                }
            } else {
                throw complain(parser, mergeName(builder) + " is " + item + ", wanted \"left right\" or [left, right]");
            }
            int left = merged(parser, builder, tokens, 0, middle);
            int right = merged(parser, builder, tokens, middle, end);
            builder.add(left, right, merged(parser, builder, tokens, 0, end));
            builder.noteGlue(scratch, 0, middle);
        }
        merges = Optional.of(builder);
    }

    private static String mergeName(MergeTable.Builder builder) {
        return "model.merges[" + builder.count() + "]";
    }

    /** Takes the one space out of "left right" in the scratch bytes and returns where the right part begins then. */
    private int splitAtSpace(JsonParser parser, int end) {
        int space = -1;
        for (int i = 0; i < end; i++) {
            if (scratch[i] == ' ') {
                if (space >= 0) {
                    space = -1;
                    break;
                }
                space = i;
            }
        }
        if (space < 0) {
            throw complain(
                    parser,
                    "merge '" + new String(scratch, 0, end, StandardCharsets.UTF_8)
                            + "' is not two tokens with one space between");
        }
        System.arraycopy(scratch, space + 1, scratch, space, end - space - 1);
        return space;
    }

    private int merged(JsonParser parser, MergeTable.Builder builder, Vocabulary tokens, int from, int to) {
        int id = tokens.id(scratch, from, to);
        if (id < 0) {
            throw complain(
                    parser,
                    mergeName(builder) + " speaks of token '"
                            + new String(scratch, from, to - from, StandardCharsets.UTF_8)
                            + "', which model.vocab lacks");
        }
        return id;
    }

    /**
     * Copies the parser's current name or string to the scratch bytes from {@code at} on and returns the place after
     * it.
     */
    private int copyString(JsonParser parser, int at) {
        int length = parser.getStringLength();
        if (at + 3L * length > scratch.length) {
            scratch = Arrays.copyOf(scratch, Math.multiplyExact(2, Math.addExact(at, Math.multiplyExact(3, length))));
        }
        int offset = parser.getStringOffset();
        return Utf8.encode(parser.getStringCharacters(), offset, offset + length, scratch, at);
    }

    private String string(JsonParser parser, JsonToken value, String key) {
        if (value != JsonToken.VALUE_STRING) {
            throw complain(parser, "model." + key + " is " + value + ", wanted a string or null");
        }
        return parser.getString();
    }

    private boolean flag(JsonParser parser, JsonToken value, String key) {
        if (!value.isBoolean()) {
            throw complain(parser, "model." + key + " is " + value + ", wanted true or false");
        }
        return parser.getBooleanValue();
    }

    private FormatException complain(JsonParser parser, String what) {
        TokenStreamLocation at = parser.currentTokenLocation();
        return FormatException.at(file, Math.max(1, at.getLineNr()), Math.max(1, at.getColumnNr()), what);
    }

    /** Whether the merges were met before the vocabulary, so that they have not been read yet. */
    boolean wantsSecondPass() {
        return mergesSeen && merges.isEmpty() && vocabulary.isPresent();
    }

    Vocabulary vocabulary() {
        return vocabulary.orElseThrow(() -> FormatException.in(file, "has no model.vocab"));
    }

    /** How many tokens the vocabulary has; ids may leave gaps. */
    int tokenCount() {
        return tokenCount;
    }

    MergeTable merges() {
        MergeTable.Builder builder = merges.orElseThrow(() -> FormatException.in(file, "has no model.merges"));
        return builder.build(vocabulary(), options().unknown());
    }

    ModelOptions options() {
        int id = unknown.isEmpty() ? -1 : vocabulary().id(unknown);
        if (id < 0 && !unknown.isEmpty()) {
            throw FormatException.in(file, "model.unk_token is '" + unknown + "', which model.vocab lacks");
        }
        return new ModelOptions(vocabulary().size(), id, fusesUnknown, byteFallback);
    }
}
