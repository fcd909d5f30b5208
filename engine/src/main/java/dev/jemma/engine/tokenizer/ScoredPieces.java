package dev.jemma.engine.tokenizer;

import dev.jemma.engine.api.FormatException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;

/**
 * A SentencePiece model as GGUF files carry it: pieces with scores instead of merges with ranks. Hugging Face's
 * tokenizer.json of a Gemma was made from the same model, so what is made of it here gives the ids of that file.
 *
 * @param file how messages name where it comes from
 * @param pieces UTF-8 of each piece, by id
 * @param scores the higher the earlier a piece is merged, by id
 * @param kinds what each piece is, by id
 * @param unknown the piece of characters that cannot be spelled
 * @param prefix the piece put before a text
 * @param suffix the piece put after it
 * @param addsSpacePrefix whether a text begins with a {@code ▁} of its own, as Llama's do and Gemma's do not
 */
public record ScoredPieces(
        String file,
        List<byte[]> pieces,
        float[] scores,
        List<Kind> kinds,
        OptionalInt unknown,
        OptionalInt prefix,
        OptionalInt suffix,
        boolean addsSpacePrefix) {

    /** What a piece is, as enum llama_token_type of llama.cpp has it. */
    public enum Kind {
        /** A piece of text that merges make. */
        NORMAL,
        /** Stands for what cannot be spelled. */
        UNKNOWN,
        /** Steers the model: {@code <bos>}, {@code <start_of_turn>}. */
        CONTROL,
        /** Found in the text before anything else, such as runs of newlines and HTML tags. */
        USER_DEFINED,
        /** Never found. */
        UNUSED,
        /** One byte: {@code <0x0A>}. */
        BYTE
    }

    /** Control pieces that Gemma's tokenizer.json does not mark as special, besides {@code <unused0>} and the like. */
    private static final Set<String> NOT_SPECIAL = Set.of("<mask>");

    /** Special tokens of that file which are no control pieces. */
    private static final Set<String> SPECIAL = Set.of("<start_of_image>", "<end_of_image>");

    private static final String TAB = "\t";

    /** Everything that a tokenizer is made of; complains about what no SentencePiece model can hold. */
    TokenizerData data() {
        if (pieces.size() != scores.length || pieces.size() != kinds.size() || pieces.size() >= Vocabulary.MAX_SIZE) {
            throw complain(pieces.size() + " tokens, " + scores.length + " scores and " + kinds.size()
                    + " token types, wanted as many of each and fewer than " + Vocabulary.MAX_SIZE);
        }
        Vocabulary vocabulary = vocabulary();
        int unknownId = check("unknown_token_id", unknown);
        int before = check("bos_token_id", prefix);
        int after = check("eos_token_id", suffix);
        MergeTable merges = new PieceMerges(this, vocabulary).table(unknownId);
        boolean bytes = kinds.contains(Kind.BYTE);
        return new TokenizerData(
                vocabulary,
                merges,
                new ModelOptions(pieces.size(), unknownId, true, bytes),
                added(vocabulary),
                rules(before, after));
    }

    private int check(String key, OptionalInt id) {
        if (id.isPresent() && (id.getAsInt() < 0 || id.getAsInt() >= pieces.size())) {
            throw complain(key + " is " + id.getAsInt() + ", wanted the id of one of " + pieces.size() + " tokens");
        }
        return id.orElse(-1);
    }

    /**
     * llama.cpp spells runs of spaces that are tokens of their own with spaces, Hugging Face with {@code ▁}. Where a
     * model has no piece for the tab, as Gemma 1 and 2, Hugging Face spells the byte piece of it as a tab, so that
     * longer runs of tabs can be merged.
     */
    private Vocabulary vocabulary() {
        List<byte[]> spelled = new ArrayList<>(pieces.size());
        int tabByte = -1;
        boolean tab = false;
        for (int id = 0; id < pieces.size(); id++) {
            byte[] piece = pieces.get(id);
            if (piece.length > 1 && allSpaces(piece)) {
                piece = String.valueOf(BpeModel.WORD_MARK).repeat(piece.length).getBytes(StandardCharsets.UTF_8);
            }
            checkUtf8(id, piece);
            tab |= piece.length == 1 && piece[0] == '\t';
            if (kinds.get(id) == Kind.BYTE
                    && Arrays.equals(piece, BpeModel.byteSpelling('\t').getBytes(StandardCharsets.UTF_8))) {
                tabByte = id;
            }
            spelled.add(piece);
        }
        if (!tab && tabByte >= 0) {
            spelled.set(tabByte, TAB.getBytes(StandardCharsets.UTF_8));
        }
        try {
            return Vocabulary.of(spelled);
        } catch (IllegalArgumentException duplicate) {
            throw complain("tokens: " + duplicate.getMessage());
        }
    }

    private static boolean allSpaces(byte[] piece) {
        for (byte b : piece) {
            if (b != ' ') {
                return false;
            }
        }
        return true;
    }

    private void checkUtf8(int id, byte[] piece) {
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(piece));
        } catch (CharacterCodingException malformed) {
            throw complain("token " + id + " is not UTF-8");
        }
    }

    private List<AddedToken> added(Vocabulary vocabulary) {
        List<AddedToken> added = new ArrayList<>();
        for (int id = 0; id < kinds.size(); id++) {
            boolean found = switch (kinds.get(id)) {
                case UNKNOWN, CONTROL, USER_DEFINED -> vocabulary.length(id) > 0;
                case NORMAL, UNUSED, BYTE -> false;
            };
            if (found) {
                String text = vocabulary.token(id);
                boolean special = kinds.get(id) == Kind.USER_DEFINED
                        ? SPECIAL.contains(text)
                        : !text.startsWith("<unused") && !NOT_SPECIAL.contains(text);
                added.add(new AddedToken(id, text, special, false, false, false, false));
            }
        }
        return List.copyOf(added);
    }

    private TextRules rules(int before, int after) {
        String mark = String.valueOf(BpeModel.WORD_MARK);
        TextRules.Replacement toMark = new TextRules.Replacement(" ", mark);
        return new TextRules(
                addsSpacePrefix ? List.of(new TextRules.Prepend(mark), toMark) : List.of(toMark),
                "",
                before < 0 ? new int[0] : new int[] {before},
                after < 0 ? new int[0] : new int[] {after},
                List.of(new TextRules.Replacement(mark, " ")),
                true,
                addsSpacePrefix ? new TextRules.Strip(' ', 1) : TextRules.Strip.NONE);
    }

    FormatException complain(String what) {
        return new FormatException(file + ": tokenizer.ggml: " + what);
    }
}
