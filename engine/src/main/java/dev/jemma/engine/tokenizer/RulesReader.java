package dev.jemma.engine.tokenizer;

import dev.jemma.engine.api.FormatException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.NullNode;

/**
 * Reads a tokenizer.json's normalizer, pre-tokenizer, post-processor and decoder, and refuses by name what Gemma's
 * files cannot hold.
 */
final class RulesReader {
    private final Path file;
    private JsonNode normalizer = NullNode.instance;
    private JsonNode preTokenizer = NullNode.instance;
    private JsonNode postProcessor = NullNode.instance;
    private JsonNode decoder = NullNode.instance;

    RulesReader(Path file) {
        this.file = file;
    }

    void normalizer(JsonNode node) {
        normalizer = node;
    }

    void preTokenizer(JsonNode node) {
        preTokenizer = node;
    }

    void postProcessor(JsonNode node) {
        postProcessor = node;
    }

    void decoder(JsonNode node) {
        decoder = node;
    }

    /** The rules, for a vocabulary of this size. */
    TextRules build(int vocabularySize) {
        List<TextRules.NormalizerStep> steps = new ArrayList<>();
        readNormalizer(normalizer, steps);
        String splitAfter = preTokenizer.isNull() ? "" : readSplit();
        List<Integer> prefix = new ArrayList<>();
        List<Integer> suffix = new ArrayList<>();
        if (!postProcessor.isNull()) {
            readTemplate(prefix, suffix, vocabularySize);
        }
        var decoding = new DecoderReader();
        decoding.read(decoder);
        return new TextRules(
                List.copyOf(steps),
                splitAfter,
                prefix.stream().mapToInt(i -> i).toArray(),
                suffix.stream().mapToInt(i -> i).toArray(),
                List.copyOf(decoding.replacements),
                decoding.bytes,
                decoding.strip);
    }

    private void readNormalizer(JsonNode node, List<TextRules.NormalizerStep> steps) {
        if (node.isNull()) {
            return;
        }
        switch (type(node, "normalizer")) {
            case "Sequence" -> {
                for (JsonNode step : array(node, "normalizers", "normalizer")) {
                    readNormalizer(step, steps);
                }
            }
            case "Replace" -> steps.add(replacement(node, "normalizer"));
            case "Prepend" -> steps.add(new TextRules.Prepend(string(node, "prepend", "normalizer")));
            default -> throw refuse("normalizer", node, "Replace, Prepend or a Sequence of them");
        }
    }

    private String readSplit() {
        boolean known = type(preTokenizer, "pre_tokenizer").equals("Split")
                && preTokenizer.path("behavior").stringValue("").equals("MergedWithPrevious")
                && !preTokenizer.path("invert").asBoolean(true)
                && !preTokenizer.path("pattern").path("String").stringValue("").isEmpty();
        if (!known) {
            throw refuse("pre_tokenizer", preTokenizer, "null, or Split at a string, MergedWithPrevious, not inverted");
        }
        return preTokenizer.path("pattern").path("String").stringValue();
    }

    private void readTemplate(List<Integer> prefix, List<Integer> suffix, int vocabularySize) {
        if (!type(postProcessor, "post_processor").equals("TemplateProcessing")) {
            throw refuse("post_processor", postProcessor, "TemplateProcessing");
        }
        boolean textSeen = false;
        for (JsonNode piece : array(postProcessor, "single", "post_processor")) {
            if (piece.has("Sequence") && !textSeen) {
                textSeen = true;
                continue;
            }
            String name = piece.path("SpecialToken").path("id").stringValue("");
            JsonNode ids = postProcessor.path("special_tokens").path(name).path("ids");
            if (name.isEmpty() || !ids.isArray()) {
                throw refuse(
                        "post_processor.single", piece, "one Sequence, and SpecialTokens that special_tokens lists");
            }
            for (JsonNode id : ids) {
                if (!id.isInt() || id.intValue() < 0 || id.intValue() >= vocabularySize) {
                    throw refuse("post_processor.special_tokens", id, "ids of the vocabulary");
                }
                (textSeen ? suffix : prefix).add(id.intValue());
            }
        }
        if (!textSeen) {
            throw refuse("post_processor.single", postProcessor.path("single"), "a Sequence");
        }
    }

    /** The decoder's steps come in one order only, because each works on what the one before leaves. */
    private final class DecoderReader {
        private final List<TextRules.Replacement> replacements = new ArrayList<>();
        private boolean bytes;
        private boolean fused;
        private TextRules.Strip strip = TextRules.Strip.NONE;

        void read(JsonNode node) {
            switch (type(node, "decoder")) {
                case "Sequence" -> {
                    for (JsonNode step : array(node, "decoders", "decoder")) {
                        read(step);
                    }
                }
                case "Replace" -> {
                    inOrder(node, !bytes && !fused);
                    replacements.add(replacement(node, "decoder"));
                }
                case "ByteFallback" -> {
                    inOrder(node, !bytes && !fused);
                    bytes = true;
                }
                case "Fuse" -> fused = true;
                case "Strip" -> {
                    String content = node.path("content").stringValue("");
                    JsonNode start = node.path("start");
                    inOrder(
                            node,
                            fused
                                    && strip.count() == 0
                                    && content.length() == 1
                                    && start.isInt()
                                    && start.intValue() >= 0
                                    && node.path("stop").asInt(1) == 0);
                    strip = new TextRules.Strip(content.charAt(0), start.intValue());
                }
                default -> inOrder(node, false);
            }
        }

        private void inOrder(JsonNode node, boolean expected) {
            if (!expected) {
                throw refuse(
                        "decoder", node, "Replace of strings, then ByteFallback, then Fuse, then Strip at the start");
            }
        }
    }

    private TextRules.Replacement replacement(JsonNode node, String where) {
        String pattern = node.path("pattern").path("String").stringValue("");
        if (pattern.isEmpty()) {
            throw refuse(where, node, "Replace with a pattern that is a String, not empty");
        }
        return new TextRules.Replacement(pattern, string(node, "content", where));
    }

    private String type(JsonNode node, String where) {
        String type = node.path("type").stringValue("");
        if (type.isEmpty()) {
            throw refuse(where, node, "an object with a type");
        }
        return type;
    }

    private JsonNode array(JsonNode node, String key, String where) {
        if (!node.path(key).isArray()) {
            throw refuse(where + "." + key, node.path(key), "an array");
        }
        return node.path(key);
    }

    private String string(JsonNode node, String key, String where) {
        if (!node.path(key).isString()) {
            throw refuse(where + "." + key, node.path(key), "a string");
        }
        return node.path(key).stringValue();
    }

    private FormatException refuse(String where, JsonNode seen, String wanted) {
        String text = seen.isMissingNode() ? "missing" : seen.toString();
        String shown = text.length() > 120 ? text.substring(0, 120) + "..." : text;
        return FormatException.in(file, where + " is " + shown + ", wanted " + wanted);
    }
}
