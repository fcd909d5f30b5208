package dev.jemma.engine.tokenizer;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonEncoding;
import tools.jackson.core.JsonGenerator;
import tools.jackson.databind.json.JsonMapper;

/**
 * Writes a tokenizer as the tokenizer.json that {@link TokenizerJson} and Hugging Face's tokenizers read it back from.
 */
final class TokenizerJsonWriter {
    private static final JsonMapper MAPPER = JsonMapper.shared();

    private final TokenizerData data;
    private final JsonGenerator json;

    private TokenizerJsonWriter(TokenizerData data, JsonGenerator json) {
        this.data = data;
        this.json = json;
    }

    static void write(TokenizerData data, Path file) throws IOException {
        try (JsonGenerator generator = MAPPER.createGenerator(file.toFile(), JsonEncoding.UTF8)) {
            new TokenizerJsonWriter(data, generator).write();
        } catch (JacksonException e) {
            throw new IOException(file + ": cannot be written: " + e.getOriginalMessage(), e);
        }
    }

    private void write() {
        json.writeStartObject();
        json.writeStringProperty("version", "1.0");
        json.writeNullProperty("truncation");
        json.writeNullProperty("padding");
        json.writeArrayPropertyStart("added_tokens");
        data.added().forEach(this::addedToken);
        json.writeEndArray();
        normalizer();
        preTokenizer();
        postProcessor();
        decoder();
        model();
        json.writeEndObject();
    }

    private void addedToken(AddedToken token) {
        json.writeStartObject();
        json.writeNumberProperty("id", token.id());
        json.writeStringProperty("content", token.content());
        json.writeBooleanProperty("single_word", token.singleWord());
        json.writeBooleanProperty("lstrip", token.stripsLeft());
        json.writeBooleanProperty("rstrip", token.stripsRight());
        json.writeBooleanProperty("normalized", token.normalized());
        json.writeBooleanProperty("special", token.special());
        json.writeEndObject();
    }

    private void normalizer() {
        List<TextRules.NormalizerStep> steps = data.rules().normalizer();
        json.writeObjectPropertyStart("normalizer");
        json.writeStringProperty("type", "Sequence");
        json.writeArrayPropertyStart("normalizers");
        for (TextRules.NormalizerStep step : steps) {
            switch (step) {
                case TextRules.Replacement replacement -> replacement(replacement);
                case TextRules.Prepend(String content) -> {
                    json.writeStartObject();
                    json.writeStringProperty("type", "Prepend");
                    json.writeStringProperty("prepend", content);
                    json.writeEndObject();
                }
            }
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    private void replacement(TextRules.Replacement replacement) {
        json.writeStartObject();
        json.writeStringProperty("type", "Replace");
        json.writeObjectPropertyStart("pattern");
        json.writeStringProperty("String", replacement.pattern());
        json.writeEndObject();
        json.writeStringProperty("content", replacement.content());
        json.writeEndObject();
    }

    private void preTokenizer() {
        String splitAfter = data.rules().splitAfter();
        if (splitAfter.isEmpty()) {
            json.writeNullProperty("pre_tokenizer");
            return;
        }
        json.writeObjectPropertyStart("pre_tokenizer");
        json.writeStringProperty("type", "Split");
        json.writeObjectPropertyStart("pattern");
        json.writeStringProperty("String", splitAfter);
        json.writeEndObject();
        json.writeStringProperty("behavior", "MergedWithPrevious");
        json.writeBooleanProperty("invert", false);
        json.writeEndObject();
    }

    private void postProcessor() {
        json.writeObjectPropertyStart("post_processor");
        json.writeStringProperty("type", "TemplateProcessing");
        for (String form : new String[] {"single", "pair"}) {
            json.writeArrayPropertyStart(form);
            for (int text = 0; text < (form.equals("single") ? 1 : 2); text++) {
                templateTokens(data.rules().prefix(), text);
                templatePiece("Sequence", text == 0 ? "A" : "B", text);
                templateTokens(data.rules().suffix(), text);
            }
            json.writeEndArray();
        }
        json.writeObjectPropertyStart("special_tokens");
        specialTokens(data.rules().prefix());
        specialTokens(data.rules().suffix());
        json.writeEndObject();
        json.writeEndObject();
    }

    private void templateTokens(int[] ids, int text) {
        for (int id : ids) {
            templatePiece("SpecialToken", data.vocabulary().token(id), text);
        }
    }

    private void templatePiece(String kind, String id, int text) {
        json.writeStartObject();
        json.writeObjectPropertyStart(kind);
        json.writeStringProperty("id", id);
        json.writeNumberProperty("type_id", text);
        json.writeEndObject();
        json.writeEndObject();
    }

    private void specialTokens(int[] ids) {
        for (int id : ids) {
            String token = data.vocabulary().token(id);
            json.writeObjectPropertyStart(token);
            json.writeStringProperty("id", token);
            json.writeArrayPropertyStart("ids");
            json.writeNumber(id);
            json.writeEndArray();
            json.writeArrayPropertyStart("tokens");
            json.writeString(token);
            json.writeEndArray();
            json.writeEndObject();
        }
    }

    private void decoder() {
        TextRules rules = data.rules();
        json.writeObjectPropertyStart("decoder");
        json.writeStringProperty("type", "Sequence");
        json.writeArrayPropertyStart("decoders");
        rules.decoder().forEach(this::replacement);
        if (rules.decodesBytes()) {
            step("ByteFallback");
        }
        step("Fuse");
        if (rules.strip().count() > 0) {
            json.writeStartObject();
            json.writeStringProperty("type", "Strip");
            json.writeStringProperty("content", String.valueOf(rules.strip().content()));
            json.writeNumberProperty("start", rules.strip().count());
            json.writeNumberProperty("stop", 0);
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    private void step(String type) {
        json.writeStartObject();
        json.writeStringProperty("type", type);
        json.writeEndObject();
    }

    private void model() {
        ModelOptions options = data.options();
        Vocabulary vocabulary = data.vocabulary();
        json.writeObjectPropertyStart("model");
        json.writeStringProperty("type", "BPE");
        json.writeNullProperty("dropout");
        if (options.unknown() < 0) {
            json.writeNullProperty("unk_token");
        } else {
            json.writeStringProperty("unk_token", vocabulary.token(options.unknown()));
        }
        json.writeNullProperty("continuing_subword_prefix");
        json.writeNullProperty("end_of_word_suffix");
        json.writeBooleanProperty("fuse_unk", options.fusesUnknown());
        json.writeBooleanProperty("byte_fallback", options.byteFallback());
        json.writeBooleanProperty("ignore_merges", false);
        json.writeObjectPropertyStart("vocab");
        for (int id = 0; id < options.modelSize(); id++) {
            if (vocabulary.length(id) > 0) {
                json.writeNumberProperty(vocabulary.token(id), id);
            }
        }
        json.writeEndObject();
        json.writeArrayPropertyStart("merges");
        for (long pair : data.merges().pairs()) {
            json.writeStartArray();
            json.writeString(vocabulary.token((int) (pair >>> Integer.SIZE)));
            json.writeString(vocabulary.token((int) pair));
            json.writeEndArray();
        }
        json.writeEndArray();
        json.writeEndObject();
    }
}
