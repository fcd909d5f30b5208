package dev.jemma.engine.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.tokenizer.ScoredPieces.Kind;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ScoredPiecesTest {
    @TempDir
    Path folder;

    private final List<byte[]> pieces = new ArrayList<>();
    private final List<Kind> kinds = new ArrayList<>();
    private final List<Float> scores = new ArrayList<>();
    private boolean spacePrefix;

    private ScoredPiecesTest add(Kind kind, float score, String... texts) {
        for (String text : texts) {
            pieces.add(text.getBytes(StandardCharsets.UTF_8));
            kinds.add(kind);
            scores.add(score);
        }
        return this;
    }

    /** {@code <unk>} 0, {@code <bos>} 1, bytes of A and tab 2 and 3, and the letters a, b, c from 4 on. */
    private ScoredPiecesTest letters() {
        return add(Kind.UNKNOWN, 0, "<unk>")
                .add(Kind.CONTROL, -1000, "<bos>")
                .add(Kind.BYTE, 0, "<0x41>", "<0x09>")
                .add(Kind.NORMAL, -20, "a", "b", "c", "\u2581");
    }

    private ScoredPieces model() {
        float[] all = new float[scores.size()];
        for (int i = 0; i < all.length; i++) {
            all[i] = scores.get(i);
        }
        return new ScoredPieces(
                "m.gguf", pieces, all, kinds, OptionalInt.of(0), OptionalInt.of(1), OptionalInt.empty(), spacePrefix);
    }

    private List<String> spelled(String text) {
        Tokenizer tokenizer = Tokenizer.of(model());
        List<String> tokens = new ArrayList<>();
        for (int id : tokenizer.encode(text, Specials.WITHOUT)) {
            tokens.add(tokenizer.token(id).orElseThrow());
        }
        assertThat(tokenizer.decode(tokenizer.encode(text, Specials.WITHOUT), Specials.WITH))
                .isEqualTo(text);
        return tokens;
    }

    @Test
    void theHigherScoreMergesFirst() {
        letters().add(Kind.NORMAL, -2, "ab").add(Kind.NORMAL, -1, "bc").add(Kind.NORMAL, -3, "abc");
        assertThat(spelled("ab")).containsExactly("ab");
        assertThat(spelled("abc")).containsExactly("abc");
        assertThat(spelled("aabc")).containsExactly("a", "abc");
        assertThat(Tokenizer.of(model()).mergeCount()).isEqualTo(4);
    }

    @Test
    void aPieceThatNoTwoPiecesMakeIsNeverReached() {
        letters().add(Kind.NORMAL, -1, "abc");
        assertThat(spelled("abc")).containsExactly("a", "b", "c");
    }

    @Test
    void spacesBecomeWordMarksAndUnknownCharactersBytes() {
        letters().add(Kind.NORMAL, -1, "\u2581a");
        assertThat(spelled("b aA")).containsExactly("b", "\u2581a", "<0x41>");
        assertThat(Tokenizer.of(model()).encode("a\u00e9", Specials.WITH)).containsExactly(1, 4, 0);
    }

    /** llama.cpp writes runs of spaces that are tokens with spaces, Hugging Face with word marks. */
    @Test
    void runsOfSpacesAreRespelled() {
        letters().add(Kind.USER_DEFINED, -1000, "  ");
        assertThat(spelled("a  b")).containsExactly("a", "\u2581\u2581", "b");
    }

    @Test
    void userDefinedPiecesAreFoundBeforeMerging() {
        letters().add(Kind.NORMAL, -1, "ab").add(Kind.USER_DEFINED, -1000, "bb");
        assertThat(spelled("abb")).containsExactly("a", "bb");
    }

    /** Text must not be able to spell what steers the model, whatever pieces there are. */
    @Test
    void noMergeMakesAControlPiece() {
        letters().add(Kind.NORMAL, -1, "<", ">", "s", "<s").add(Kind.CONTROL, -1000, "<s>");
        ScoredPieces model = model();
        Tokenizer tokenizer = Tokenizer.of(model);
        int control = tokenizer.id("<s>").orElseThrow();
        assertThat(tokenizer.mergeCount()).isEqualTo(1);
        assertThat(tokenizer.isControl(control)).isTrue();
        assertThat(tokenizer.isSpecial(control)).isTrue();
        assertThat(tokenizer.encode("<s>", Specials.WITHOUT)).containsExactly(control);
    }

    /** Where a model has no piece for the tab, its byte piece is one, as in Hugging Face's files of Gemma 1 and 2. */
    @Test
    void tabsMergeWithTheByteOfATab() {
        letters().add(Kind.USER_DEFINED, -1000, "\t\t");
        Tokenizer tokenizer = Tokenizer.of(model());
        assertThat(tokenizer.id("\t")).hasValue(3);
        assertThat(spelled("\ta")).containsExactly("\t", "a");
        assertThat(tokenizer.mergeCount()).isEqualTo(1);
    }

    @Test
    void aSpacePrefixIsPutBeforeTextAndTakenOffAgain() {
        spacePrefix = true;
        letters();
        assertThat(spelled("a b")).containsExactly("\u2581", "a", "\u2581", "b");
    }

    @Test
    void writtenAsTokenizerJsonItIsTheSame() throws IOException {
        spacePrefix = true;
        letters()
                .add(Kind.NORMAL, -2, "ab")
                .add(Kind.NORMAL, -1, "bc")
                .add(Kind.NORMAL, -3, "abc")
                .add(Kind.USER_DEFINED, -1000, "\t\t", "  ");
        TokenizerData data = model().data();
        Path file = folder.resolve("tokenizer.json");
        new Tokenizer(data).write(file);
        TokenizerData read = TokenizerJson.read(file, Files.readAllBytes(file));
        assertThat(read.merges().pairs()).isEqualTo(data.merges().pairs());
        assertThat(read.vocabulary().pool()).isEqualTo(data.vocabulary().pool());
        assertThat(read.added()).isEqualTo(data.added());
        assertThat(read.options()).isEqualTo(data.options());
        assertThat(read.rules().normalizer()).isEqualTo(data.rules().normalizer());
        assertThat(read.rules().decoder()).isEqualTo(data.rules().decoder());
        assertThat(read.rules().strip()).isEqualTo(data.rules().strip());
        assertThat(read.rules().prefix()).isEqualTo(data.rules().prefix());
        assertThat(read.rules().suffix()).isEqualTo(data.rules().suffix());
    }

    @Test
    void refusesWhatNoModelHolds() {
        letters();
        refuses(
                new ScoredPieces("m.gguf", pieces, new float[3], kinds, none(), none(), none(), false),
                "8 tokens, 3 scores and 8 token types, wanted as many of each and fewer than 1048575");
        refuses(
                new ScoredPieces("m.gguf", pieces, new float[8], kinds, OptionalInt.of(8), none(), none(), false),
                "unknown_token_id is 8, wanted the id of one of 8 tokens");
        float[] bad = new float[8];
        bad[5] = Float.NaN;
        refuses(
                new ScoredPieces("m.gguf", pieces, bad, kinds, none(), none(), none(), false),
                "the score of token 5 is NaN, wanted a number");
        List<byte[]> broken = new ArrayList<>(pieces);
        broken.set(6, new byte[] {(byte) 0xC3});
        refuses(
                new ScoredPieces("m.gguf", broken, new float[8], kinds, none(), none(), none(), false),
                "token 6 is not UTF-8");
        broken.set(6, "a".getBytes(StandardCharsets.UTF_8));
        refuses(
                new ScoredPieces("m.gguf", broken, new float[8], kinds, none(), none(), none(), false),
                "tokens: token 'a' has ids 4 and 6, wanted one");
        broken.set(6, "a".repeat(256).getBytes(StandardCharsets.UTF_8));
        refuses(
                new ScoredPieces("m.gguf", broken, new float[8], kinds, none(), none(), none(), false),
                "token 6 has 256 characters, wanted at most 255");
    }

    private static OptionalInt none() {
        return OptionalInt.empty();
    }

    private static void refuses(ScoredPieces model, String message) {
        assertThatThrownBy(() -> Tokenizer.of(model))
                .isInstanceOf(FormatException.class)
                .hasMessage("m.gguf: tokenizer.ggml: " + message);
    }
}
