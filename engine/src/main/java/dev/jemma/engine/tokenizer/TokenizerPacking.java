package dev.jemma.engine.tokenizer;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * A {@link TokenizerData} as bytes and back: lengths, then arrays as they are, little-endian. Added tokens lie by id,
 * their text is the vocabulary's.
 */
final class TokenizerPacking {
    private static final int SPECIAL = 1;
    private static final int NORMALIZED = 2;
    private static final int SINGLE_WORD = 4;
    private static final int STRIPS_LEFT = 8;
    private static final int STRIPS_RIGHT = 16;

    private ByteBuffer out;

    private TokenizerPacking(int capacity) {
        out = ByteBuffer.allocate(capacity).order(ByteOrder.LITTLE_ENDIAN);
    }

    static ByteBuffer pack(TokenizerData data) {
        Vocabulary vocabulary = data.vocabulary();
        MergeTable merges = data.merges();
        long ints = (long) vocabulary.offsets().length
                + vocabulary.table().length
                + merges.products().length
                + merges.glue().length;
        long longs = merges.table().length;
        var packing = new TokenizerPacking(Math.toIntExact(vocabulary.pool().length
                + 4 * ints
                + 8 * longs
                + 8L * data.added().size()
                + (1 << 12)));
        packing.bytes(vocabulary.pool());
        packing.ints(vocabulary.offsets());
        packing.ints(vocabulary.table());
        packing.longs(merges.table());
        packing.ints(merges.products());
        packing.ints(merges.glue());
        packing.flag(merges.cutsAtWords());
        packing.number(data.options().modelSize());
        packing.number(data.options().unknown());
        packing.flag(data.options().fusesUnknown());
        packing.flag(data.options().byteFallback());
        packing.added(data.added());
        packing.rules(data.rules());
        return packing.out.flip();
    }

    private void room(long bytes) {
        if (out.remaining() < bytes) {
            ByteBuffer larger = ByteBuffer.allocate(Math.toIntExact(2 * (out.position() + bytes)));
            out = larger.order(ByteOrder.LITTLE_ENDIAN).put(out.flip());
        }
    }

    private void number(int value) {
        room(Integer.BYTES);
        out.putInt(value);
    }

    private void flag(boolean value) {
        number(value ? 1 : 0);
    }

    private void text(String value) {
        bytes(value.getBytes(StandardCharsets.UTF_8));
    }

    private void bytes(byte[] values) {
        number(values.length);
        room(values.length);
        out.put(values);
    }

    private void ints(int[] values) {
        number(values.length);
        room(4L * values.length);
        out.asIntBuffer().put(values);
        out.position(out.position() + 4 * values.length);
    }

    private void longs(long[] values) {
        number(values.length);
        room(8L * values.length);
        out.asLongBuffer().put(values);
        out.position(out.position() + 8 * values.length);
    }

    private void added(List<AddedToken> tokens) {
        number(tokens.size());
        for (AddedToken token : tokens) {
            number(token.id());
            number((token.special() ? SPECIAL : 0)
                    | (token.normalized() ? NORMALIZED : 0)
                    | (token.singleWord() ? SINGLE_WORD : 0)
                    | (token.stripsLeft() ? STRIPS_LEFT : 0)
                    | (token.stripsRight() ? STRIPS_RIGHT : 0));
        }
    }

    private void rules(TextRules rules) {
        number(rules.normalizer().size());
        for (TextRules.NormalizerStep step : rules.normalizer()) {
            switch (step) {
                case TextRules.Replacement(String pattern, String content) -> {
                    text(pattern);
                    text(content);
                }
                case TextRules.Prepend(String content) -> {
                    text(""); // no pattern is empty
                    text(content);
                }
            }
        }
        text(rules.splitAfter());
        ints(rules.prefix());
        ints(rules.suffix());
        number(rules.decoder().size());
        for (TextRules.Replacement replacement : rules.decoder()) {
            text(replacement.pattern());
            text(replacement.content());
        }
        flag(rules.decodesBytes());
        number(rules.strip().content());
        number(rules.strip().count());
    }

    /** Reads what {@link #pack} wrote; {@code in} is little-endian. */
    static TokenizerData unpack(ByteBuffer in) {
        var vocabulary = new Vocabulary(bytes(in), ints(in), ints(in));
        var merges = new MergeTable(longs(in), ints(in), ints(in), in.getInt() != 0);
        var options = new ModelOptions(in.getInt(), in.getInt(), in.getInt() != 0, in.getInt() != 0);
        int count = in.getInt();
        List<AddedToken> added = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            int id = in.getInt();
            int flags = in.getInt();
            added.add(new AddedToken(
                    id,
                    vocabulary.token(id),
                    (flags & SPECIAL) != 0,
                    (flags & NORMALIZED) != 0,
                    (flags & SINGLE_WORD) != 0,
                    (flags & STRIPS_LEFT) != 0,
                    (flags & STRIPS_RIGHT) != 0));
        }
        return new TokenizerData(vocabulary, merges, options, List.copyOf(added), rules(in));
    }

    private static TextRules rules(ByteBuffer in) {
        List<TextRules.NormalizerStep> steps = new ArrayList<>();
        for (int i = in.getInt(); i > 0; i--) {
            String pattern = text(in);
            String content = text(in);
            steps.add(pattern.isEmpty() ? new TextRules.Prepend(content) : new TextRules.Replacement(pattern, content));
        }
        String splitAfter = text(in);
        int[] prefix = ints(in);
        int[] suffix = ints(in);
        List<TextRules.Replacement> decoder = new ArrayList<>();
        for (int i = in.getInt(); i > 0; i--) {
            decoder.add(new TextRules.Replacement(text(in), text(in)));
        }
        boolean decodesBytes = in.getInt() != 0;
        var strip = new TextRules.Strip((char) in.getInt(), in.getInt());
        return new TextRules(List.copyOf(steps), splitAfter, prefix, suffix, List.copyOf(decoder), decodesBytes, strip);
    }

    private static String text(ByteBuffer in) {
        return new String(bytes(in), StandardCharsets.UTF_8);
    }

    private static byte[] bytes(ByteBuffer in) {
        byte[] values = new byte[in.getInt()];
        in.get(values);
        return values;
    }

    private static int[] ints(ByteBuffer in) {
        int[] values = new int[in.getInt()];
        in.asIntBuffer().get(values);
        in.position(in.position() + 4 * values.length);
        return values;
    }

    private static long[] longs(ByteBuffer in) {
        long[] values = new long[in.getInt()];
        in.asLongBuffer().get(values);
        in.position(in.position() + 8 * values.length);
        return values;
    }
}
