package dev.jemma.engine.tokenizer;

import dev.jemma.engine.api.FormatException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Reads a tokenizer.json: its small parts as trees, its vocabulary and merges, which are nearly all of it, by
 * {@link ModelReader}. What a Gemma file can hold is computed, anything else is refused by name.
 */
final class TokenizerJson {
    /** Names are used once, so no table of them; the depth is bounded because trees recurse. */
    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
                    .disable(TokenStreamFactory.Feature.INTERN_PROPERTY_NAMES)
                    .streamReadConstraints(
                            StreamReadConstraints.builder().maxNestingDepth(64).build())
                    .build())
            .disable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS) // a tree is a part of the file
            .build();

    private final Path file;
    private final ModelReader model;
    private Optional<JsonNode> addedTokens = Optional.empty();
    private final RulesReader rules;

    private TokenizerJson(Path file) {
        this.file = file;
        this.model = new ModelReader(file);
        this.rules = new RulesReader(file);
    }

    /**
     * Parses {@code bytes}, the content of {@code file}.
     *
     * @throws FormatException if it is malformed or holds what Jemma does not compute
     */
    static TokenizerData read(Path file, byte[] bytes) {
        var reader = new TokenizerJson(file);
        try {
            reader.pass(bytes);
            if (reader.model.wantsSecondPass()) {
                reader.pass(bytes);
            }
            return reader.build();
        } catch (JacksonException e) {
            TokenStreamLocation at = e.getLocation();
            long line = at == null ? 1 : Math.max(1, at.getLineNr());
            long column = at == null ? 1 : Math.max(1, at.getColumnNr());
            String what = e.getOriginalMessage();
            throw new FormatException(
                    file.getFileName() + ":" + line + ":" + column + ": not the JSON of a tokenizer: " + what, e);
        }
    }

    private void pass(byte[] bytes) {
        try (JsonParser parser = MAPPER.createParser(bytes)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw FormatException.in(file, "holds " + parser.currentToken() + ", wanted a JSON object");
            }
            while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                String key = parser.currentName();
                JsonToken value = parser.nextToken();
                switch (key) {
                    case "model" -> model.read(parser, value);
                    case "added_tokens" -> addedTokens = Optional.of(tree(parser));
                    case "normalizer" -> rules.normalizer(tree(parser));
                    case "pre_tokenizer" -> rules.preTokenizer(tree(parser));
                    case "post_processor" -> rules.postProcessor(tree(parser));
                    case "decoder" -> rules.decoder(tree(parser));
                    default -> parser.skipChildren();
                }
            }
            if (parser.nextToken() != null) {
                throw FormatException.in(file, "goes on after its JSON object; wanted one object");
            }
        }
    }

    private static JsonNode tree(JsonParser parser) {
        return MAPPER.readTree(parser);
    }

    private TokenizerData build() {
        Vocabulary ofModel = model.vocabulary();
        int modelSize = ofModel.size();
        List<AddedToken> added = new ArrayList<>();
        List<byte[]> beyond = new ArrayList<>();
        Set<String> seen = new HashSet<>();
        int next = model.tokenCount();
        for (JsonNode node : addedTokens.orElseGet(MAPPER::createArrayNode)) {
            AddedToken token = addedToken(node);
            if (!seen.add(token.content())) {
                throw FormatException.in(file, "added token '" + token.content() + "' is listed twice, wanted once");
            }
            int known = ofModel.id(token.content());
            int wanted = known >= 0 ? known : next;
            if (token.id() != wanted) {
                throw FormatException.in(
                        file,
                        "added token '" + token.content() + "' has id " + token.id() + ", wanted " + wanted + " ("
                                + (known >= 0
                                        ? "its id in the vocabulary)"
                                        : "tokens that the vocabulary lacks are numbered on from its size)"));
            }
            if (known < 0) {
                if (wanted < modelSize) {
                    throw FormatException.in(
                            file,
                            "added token '" + token.content() + "' would take id " + wanted + " of another token");
                }
                beyond.add(token.content().getBytes(StandardCharsets.UTF_8));
                next++;
            }
            added.add(token);
        }
        Vocabulary vocabulary = ofModel.with(beyond);
        return new TokenizerData(
                vocabulary, model.merges(), model.options(), List.copyOf(added), rules.build(vocabulary.size()));
    }

    private AddedToken addedToken(JsonNode node) {
        JsonNode id = node.path("id");
        JsonNode content = node.path("content");
        if (!id.isInt() || id.intValue() < 0 || id.intValue() >= Vocabulary.MAX_SIZE) {
            throw FormatException.in(file, "added_tokens has id " + id + ", wanted 0 to " + (Vocabulary.MAX_SIZE - 1));
        }
        if (!content.isString() || content.stringValue().isEmpty()) {
            throw FormatException.in(
                    file,
                    "added token " + id.intValue() + " has content " + content + ", wanted a string that is not empty");
        }
        return new AddedToken(
                id.intValue(),
                content.stringValue(),
                flag(node, "special"),
                flag(node, "normalized"),
                flag(node, "single_word"),
                flag(node, "lstrip"),
                flag(node, "rstrip"));
    }

    private boolean flag(JsonNode node, String key) {
        JsonNode value = node.path(key);
        if (!value.isBoolean()) {
            throw FormatException.in(
                    file, "added token " + node.path("id") + " has " + key + " " + value + ", wanted true or false");
        }
        return value.booleanValue();
    }
}
