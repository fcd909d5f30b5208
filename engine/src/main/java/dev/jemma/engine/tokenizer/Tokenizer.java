package dev.jemma.engine.tokenizer;

import dev.jemma.engine.api.TextSpan;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Supplier;

/**
 * A Gemma tokenizer.json at work: text to token ids and back, id for id as Hugging Face's tokenizers (the Rust library
 * behind transformers) do it. Immutable, safe for threads.
 *
 * <p>A text is first cut at added tokens, then normalized (spaces become {@code ▁}), then byte-pair encoded; characters
 * that are no token are spelled in byte tokens. Unpaired surrogates, which Hugging Face cannot be given at all, count
 * as U+FFFD. A file's {@code truncation} and {@code padding} are ignored, as transformers ignores them.
 */
public final class Tokenizer {
    /** The file's name in a model folder. */
    public static final String FILE = "tokenizer.json";

    private final TokenizerData data;
    private final BpeModel model;
    private final AddedTokens asWritten;
    private final AddedTokens inNormalized;
    private final boolean hasNormalizedTokens;
    private final BitSet special = new BitSet();
    private final BitSet control = new BitSet();
    private final short[] byteValues;

    Tokenizer(TokenizerData data) {
        this.data = data;
        this.model = new BpeModel(data.vocabulary(), data.merges(), data.options());
        List<AddedToken> plain =
                data.added().stream().filter(t -> !t.normalized()).toList();
        List<AddedToken> normalized =
                data.added().stream().filter(AddedToken::normalized).toList();
        this.asWritten =
                new AddedTokens(plain, plain.stream().map(AddedToken::content).toList());
        this.inNormalized = new AddedTokens(
                normalized, normalized.stream().map(this::normalizedContent).toList());
        this.hasNormalizedTokens = !normalized.isEmpty();
        data.added().stream().filter(AddedToken::special).forEach(token -> special.set(token.id()));
        data.added().stream().filter(AddedToken::control).forEach(token -> control.set(token.id()));
        this.byteValues = byteValues(data);
    }

    /**
     * Reads a tokenizer.json. What was parsed is kept in a cache file in the user's cache folder, because the real
     * files are 33 MB; a cache file that does not fit the tokenizer.json is replaced, and one that cannot be written is
     * done without.
     *
     * @param file a tokenizer.json
     * @throws dev.jemma.engine.api.FormatException if it cannot be read, is malformed, or holds something that Jemma
     *     does not compute
     */
    public static Tokenizer load(Path file) {
        return new Tokenizer(TokenizerCache.standard().load(file));
    }

    /**
     * The tokenizer that a SentencePiece model's pieces and scores make.
     *
     * @throws dev.jemma.engine.api.FormatException if they are malformed
     */
    public static Tokenizer of(ScoredPieces pieces) {
        return new Tokenizer(pieces.data());
    }

    /**
     * As {@link #of(ScoredPieces)}, kept in a cache file as {@link #load} keeps a tokenizer.json.
     *
     * @param file where the pieces come from
     * @param bytes how many bytes from its beginning on hold them
     * @param pieces reads them
     * @throws IOException if the file cannot be read
     */
    public static Tokenizer cached(Path file, long bytes, Supplier<ScoredPieces> pieces) throws IOException {
        return new Tokenizer(
                TokenizerCache.standard().load(file, bytes, () -> pieces.get().data()));
    }

    /**
     * Token ids of a text. Added tokens in it are recognised, wherever they come from; see {@link #encode(List)} for
     * text that is not to be trusted.
     */
    public int[] encode(String text, Specials specials) {
        var sink = new TokenSink(text.length() / 2);
        if (specials == Specials.WITH) {
            sink.addAll(data.rules().prefix(), 0);
        }
        encode(wellFormed(text.toCharArray()), (token, from, to) -> true, sink);
        if (specials == Specials.WITH) {
            sink.addAll(data.rules().suffix(), text.length());
        }
        return sink.ids();
    }

    /**
     * Token ids of a rendered prompt; nothing is added around it. Control tokens (see {@link AddedToken#control}) are
     * only found where all their characters lie in trusted spans; everything else works on the joined text.
     */
    public int[] encode(List<TextSpan> spans) {
        return encodeSpans(spans).ids();
    }

    /** As {@link #encode(List)}, with the place of each token and whether it is of a generated span. */
    public Encoding encodeSpans(List<TextSpan> spans) {
        String text = TextSpan.join(spans);
        var untrusted = new BitSet();
        var generated = new BitSet();
        int at = 0;
        for (TextSpan span : spans) {
            int end = at + span.text().length();
            if (span.source() == TextSpan.Source.UNTRUSTED) {
                untrusted.set(at, end);
            }
            if (span.generated()) {
                generated.set(at, end);
            }
            at = end;
        }
        var sink = new TokenSink(text.length() / 2);
        encode(
                wellFormed(text.toCharArray()),
                (token, from, to) -> !token.control() || noneSet(untrusted, from, to),
                sink);
        int[] starts = sink.starts();
        boolean[] mask = new boolean[starts.length];
        int end = text.length();
        for (int i = starts.length - 1; i >= 0; i--) {
            if (i + 1 < starts.length && starts[i + 1] > starts[i]) {
                end = starts[i + 1];
            }
            mask[i] = !noneSet(generated, starts[i], end);
        }
        return new Encoding(sink.ids(), starts, mask);
    }

    private static boolean noneSet(BitSet bits, int from, int to) {
        int next = bits.nextSetBit(from);
        return next < 0 || next >= to;
    }

    private void encode(char[] text, AddedTokens.Permit permit, TokenSink sink) {
        var bpe = new Bpe(model, sink);
        asWritten.split(text, 0, text.length, permit, new AddedTokens.Pieces() {
            @Override
            public void text(int from, int to) {
                encodeBetween(data.rules().normalize(text, from, to), permit, bpe, sink);
            }

            @Override
            public void token(AddedToken token, int from) {
                sink.add(token.id(), from);
            }
        });
    }

    private void encodeBetween(Normalized text, AddedTokens.Permit permit, Bpe bpe, TokenSink sink) {
        if (!hasNormalizedTokens) {
            encodePieces(text, 0, text.chars().length, bpe);
            return;
        }
        AddedTokens.Permit onOrigin =
                (token, from, to) -> permit.allows(token, text.origin()[from], text.origin()[to - 1] + 1);
        inNormalized.split(text.chars(), 0, text.chars().length, onOrigin, new AddedTokens.Pieces() {
            @Override
            public void text(int from, int to) {
                encodePieces(text, from, to, bpe);
            }

            @Override
            public void token(AddedToken token, int from) {
                sink.add(token.id(), text.origin()[from]);
            }
        });
    }

    /** Byte-pair encodes a text between added tokens, piece by piece of the pre-tokenizer. */
    private void encodePieces(Normalized text, int from, int to, Bpe bpe) {
        String splitAfter = data.rules().splitAfter();
        int start = from;
        if (!splitAfter.isEmpty()) {
            for (int i = from; i + splitAfter.length() <= to; ) {
                if (startsWith(text.chars(), i, splitAfter)) {
                    i += splitAfter.length();
                    bpe.encode(text.chars(), start, i, text.origin());
                    start = i;
                } else {
                    i++;
                }
            }
        }
        bpe.encode(text.chars(), start, to, text.origin());
    }

    private static boolean startsWith(char[] text, int at, String pattern) {
        for (int i = 0; i < pattern.length(); i++) {
            if (text[at + i] != pattern.charAt(i)) {
                return false;
            }
        }
        return true;
    }

    /** The text of {@code ids}; ids that no token has are left out, as Hugging Face leaves them out. */
    public String decode(int[] ids, Specials specials) {
        var detokenizer = new Detokenizer(this, specials);
        var out = new StringBuilder();
        for (int id : ids) {
            detokenizer.add(id, out);
        }
        detokenizer.finish(out);
        return out.toString();
    }

    /** A new streaming decoder. */
    public Detokenizer detokenizer(Specials specials) {
        return new Detokenizer(this, specials);
    }

    /** The id of a token, spelled as in the vocabulary ({@code ▁} for a space, {@code <0x0A>} for a byte). */
    public OptionalInt id(String token) {
        int id = data.vocabulary().id(token);
        return id < 0 ? OptionalInt.empty() : OptionalInt.of(id);
    }

    /** A token as the vocabulary spells it, if the id has one. */
    public Optional<String> token(int id) {
        return isToken(id) ? Optional.of(data.vocabulary().token(id)) : Optional.empty();
    }

    /** Every id is below this; not every id below this need have a token. */
    public int size() {
        return data.vocabulary().size();
    }

    /** How many merges the model has. */
    public int mergeCount() {
        return data.merges().products().length;
    }

    /** The added tokens, in the file's order. */
    public List<AddedToken> addedTokens() {
        return data.added();
    }

    /** The token of characters that cannot be spelled, if there is one. */
    public Optional<String> unknown() {
        return token(data.options().unknown());
    }

    /**
     * Writes it as a tokenizer.json, which Hugging Face's tokenizers load.
     *
     * @throws IOException if it cannot be written
     */
    public void write(Path file) throws IOException {
        TokenizerJsonWriter.write(data, file);
    }

    /** The ids that encoding with specials puts before a text: for Gemma {@code <bos>}. */
    public int[] prefix() {
        return data.rules().prefix().clone();
    }

    /** Whether the id is a special token, which decoding can leave out. */
    public boolean isSpecial(int id) {
        return id >= 0 && special.get(id);
    }

    /** Whether the id is a control token: see {@link AddedToken#control}. */
    public boolean isControl(int id) {
        return id >= 0 && control.get(id);
    }

    boolean isToken(int id) {
        return id >= 0 && id < size() && data.vocabulary().length(id) > 0;
    }

    TextRules rules() {
        return data.rules();
    }

    TokenizerData data() {
        return data;
    }

    /** The byte that a token stands for when decoding, or -1. */
    int byteValue(int id) {
        return byteValues[id];
    }

    /** A token's text after the decoder's replacements. */
    String decodedToken(int id) {
        String text = data.vocabulary().token(id);
        for (TextRules.Replacement replacement : data.rules().decoder()) {
            text = text.replace(replacement.pattern(), replacement.content());
        }
        return text;
    }

    private String normalizedContent(AddedToken token) {
        char[] content = token.content().toCharArray();
        return new String(data.rules().normalize(content, 0, content.length).chars());
    }

    private static short[] byteValues(TokenizerData data) {
        short[] values = new short[data.vocabulary().size()];
        Arrays.fill(values, (short) -1);
        if (data.rules().decodesBytes()) {
            for (int value = 0; value < 256; value++) {
                for (String spelling : byteSpellings(value)) {
                    int id = data.vocabulary().id(spelling);
                    if (id >= 0) {
                        values[id] = (short) value;
                    }
                }
            }
        }
        return values;
    }

    /** Decoding reads hexadecimal digits of either case. */
    private static List<String> byteSpellings(int value) {
        List<String> spellings = new ArrayList<>();
        for (char high : new char[] {Character.forDigit(value >> 4, 16), "0123456789ABCDEF".charAt(value >> 4)}) {
            for (char low : new char[] {Character.forDigit(value & 15, 16), "0123456789ABCDEF".charAt(value & 15)}) {
                spellings.add("<0x" + high + low + ">");
            }
        }
        return spellings;
    }

    private static char[] wellFormed(char[] text) {
        for (int i = 0; i < text.length; i++) {
            if (!Character.isSurrogate(text[i])) {
                continue;
            }
            if (Character.isHighSurrogate(text[i]) && i + 1 < text.length && Character.isLowSurrogate(text[i + 1])) {
                i++;
            } else {
                text[i] = Utf8.REPLACEMENT;
            }
        }
        return text;
    }
}
