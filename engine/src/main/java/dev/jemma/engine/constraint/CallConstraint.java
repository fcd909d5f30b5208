package dev.jemma.engine.constraint;

import dev.jemma.engine.api.ToolSpec;
import dev.jemma.engine.toolcall.CallGrammar;
import dev.jemma.engine.toolcall.HermesFormat;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * Lets a model call only what exists, with arguments that fit: between the markers of a Hermes call, only tokens that
 * lead to a well-typed call may come; outside of calls, everything may. So every call that is finished can be read
 * strictly and satisfies its tool's schema, as far as {@link CallGrammar} knows schemas. (An answer that is cut off can
 * still end within a call.)
 *
 * <p>Which tokens a state of the grammar allows is computed once and kept: states recur, within an answer and between
 * answers, which is why one {@link Calls} serves them all. A constraint follows one answer.
 */
public final class CallConstraint implements TokenConstraint {
    private static final String OPENING = new HermesFormat().opening();
    private static final String CLOSING = new HermesFormat().closing();

    /** Whether the model must call. */
    public enum Choice {
        /** It calls if it wants to. */
        FREE,
        /** Its answer begins with a call. */
        REQUIRED
    }

    /** What may be called, in one vocabulary. Safe for threads. */
    public static final class Calls {
        private static final int MOST_KEPT = 512;
        private static final int NEVER = Integer.MAX_VALUE;

        private final TokenTexts tokens;
        private final OptionalInt openingToken;
        private final OptionalInt closingToken;
        private final CallGrammar body;
        private final Map<CallGrammar, BitSet> kept = new HashMap<>();
        /** Tokens that can hold the end of an opening marker, and something after it. */
        private final int[] crossing;

        /**
         * @param tools what may be called, with schemas as exact as can be
         * @throws IllegalArgumentException if there are none, or one can never be called
         */
        public Calls(List<ToolSpec> tools, TokenTexts tokens) {
            this.tokens = tokens;
            this.openingToken = tokens.control(OPENING);
            this.closingToken = tokens.control(CLOSING);
            CallGrammar calls = CallGrammar.of(tools);
            this.body = closingToken.isPresent() ? calls : calls.followedBy(CLOSING);
            this.crossing = openingToken.isPresent()
                    ? new int[0]
                    : Arrays.stream(tokens.all().ids())
                            .filter(id -> crosses(tokens.text(id)))
                            .toArray();
        }

        private static boolean crosses(String text) {
            int end = text.indexOf(OPENING.charAt(OPENING.length() - 1)) + 1;
            return end > 0 && end < text.length() && OPENING.endsWith(text.substring(0, end)) || text.contains(OPENING);
        }

        /** The tokens that {@code state} allows. */
        private synchronized BitSet allowed(CallGrammar state) {
            if (kept.size() >= MOST_KEPT) {
                kept.clear();
            }
            return kept.computeIfAbsent(state, this::compute);
        }

        private BitSet compute(CallGrammar state) {
            BitSet allowed = new BitSet(tokens.size());
            if (isWithinString(state)) {
                allowed.or(tokens.plain());
                walk(state, tokens.notPlain(), allowed);
            } else {
                walk(state, tokens.all(), allowed);
            }
            if (state.mayEnd() && closingToken.isPresent()) {
                allowed.set(closingToken.getAsInt());
            }
            return allowed;
        }

        /** Whether all that a string holds leads from the state to itself. */
        private static boolean isWithinString(CallGrammar state) {
            return state.after('a').equals(state)
                    && state.after(' ').equals(state)
                    && state.after('\u00e9').equals(state);
        }

        /**
         * Tries the tokens in order. {@code states[n]} is the state after n chars of the one at hand, known for n up to
         * {@code known}; a token that begins with more of those chars than are known begins with what no token may
         * begin with.
         */
        private void walk(CallGrammar start, TokenTexts.Sorted sorted, BitSet allowed) {
            CallGrammar[] states = new CallGrammar[64];
            states[0] = start;
            int known = 0;
            int over = NEVER; // the call is over after so many chars
            for (int i = 0; i < sorted.ids().length; i++) {
                int shared = sorted.shared()[i];
                over = shared >= over ? over : NEVER;
                if (shared > known && over == NEVER) {
                    continue;
                }
                int id = sorted.ids()[i];
                String text = tokens.text(id);
                if (text.length() >= states.length) {
                    states = Arrays.copyOf(states, 2 * text.length());
                }
                known = Math.min(known, shared);
                while (over == NEVER && known < text.length()) {
                    CallGrammar next = states[known].after(text.charAt(known));
                    if (next.isDead()) {
                        break;
                    }
                    states[++known] = next;
                    over = closingToken.isEmpty() && next.isOver() ? known : NEVER;
                }
                // what follows the call is not the grammar's affair, unless it might open another
                allowed.set(id, over == NEVER ? known == text.length() : text.indexOf('<', over) < 0);
            }
        }
    }

    private final Calls calls;
    /** Where in a call the answer is; null outside of calls. */
    private @Nullable CallGrammar state;
    /** The end of the text outside of calls: at most what could be the beginning of an opening marker. */
    private String tail = "";

    private boolean mustOpen;

    /** A constraint for one answer. */
    public CallConstraint(Calls calls, Choice choice) {
        this.calls = calls;
        this.mustOpen = choice == Choice.REQUIRED && calls.openingToken.isPresent();
        if (choice == Choice.REQUIRED && calls.openingToken.isEmpty()) {
            this.state = calls.body.precededBy(OPENING);
        }
    }

    @Override
    public void mask(float[] logits) {
        if (mustOpen) {
            BitSet opening = new BitSet();
            opening.set(calls.openingToken.getAsInt());
            keepOnly(opening, logits);
        } else if (state != null) {
            keepOnly(calls.allowed(state), logits);
        } else {
            maskFalseStarts(logits);
        }
    }

    private static void keepOnly(BitSet allowed, float[] logits) {
        for (int id = allowed.nextClearBit(0); id < logits.length; id = allowed.nextClearBit(id + 1)) {
            logits[id] = Float.NEGATIVE_INFINITY;
        }
    }

    /** Outside of calls: tokens that would complete an opening marker and go on with what no call begins with. */
    private void maskFalseStarts(float[] logits) {
        for (int id : calls.crossing) {
            if (isFalseStart(calls.tokens.text(id))) {
                logits[id] = Float.NEGATIVE_INFINITY;
            }
        }
    }

    private boolean isFalseStart(String text) {
        String joined = tail + text;
        int at = joined.indexOf(OPENING);
        if (at < 0) {
            return false;
        }
        CallGrammar begun = calls.body;
        for (int i = at + OPENING.length(); i < joined.length(); i++) {
            begun = begun.after(joined.charAt(i));
            if (begun.isDead()) {
                return true;
            }
        }
        return false;
    }

    @Override
    public void accept(int id) {
        if (calls.tokens.isControl(id)) {
            acceptControl(id);
            return;
        }
        String text = calls.tokens.text(id);
        for (int i = 0; i < text.length(); i++) {
            accept(text.charAt(i), id);
        }
    }

    private void acceptControl(int id) {
        if (state == null) {
            tail = "";
            mustOpen = false;
            state = calls.openingToken.equals(OptionalInt.of(id)) ? calls.body : null;
        } else if (calls.closingToken.equals(OptionalInt.of(id)) && state.mayEnd()) {
            state = null;
        } else {
            throw new IllegalStateException("token " + id + " came within a call, where it was masked");
        }
    }

    private void accept(char c, int id) {
        if (state != null) {
            CallGrammar next = state.after(c);
            if (next.isDead()) {
                throw new IllegalStateException("token " + id + " came within a call, where it was masked");
            }
            // with a token for it, only that token ends the call
            state = calls.closingToken.isEmpty() && next.isOver() ? null : next;
            return;
        }
        if (calls.openingToken.isPresent()) {
            return;
        }
        tail += c;
        while (!OPENING.startsWith(tail)) {
            tail = tail.substring(1);
        }
        if (tail.equals(OPENING)) {
            tail = "";
            state = calls.body;
        }
    }
}
