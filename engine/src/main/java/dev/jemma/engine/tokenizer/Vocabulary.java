package dev.jemma.engine.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/**
 * Tokens by id and ids by token, as UTF-8 in one pool of bytes with an open-addressing table over it: a quarter of a
 * million tokens in three arrays, that a cache file holds as they are. Immutable.
 *
 * @param pool the tokens' UTF-8 bytes, in order of id
 * @param offsets where token {@code id} begins in the pool; {@code offsets[size]} is the end. Ids that no token has are
 *     empty
 * @param table id + 1 at the slot of its hash, 0 where free; its length is a power of two, more than the number of
 *     tokens
 */
record Vocabulary(byte[] pool, int[] offsets, int[] table) {
    /** Ids take 20 bits in the merge table, of which the last is left out. */
    static final int MAX_SIZE = (1 << 20) - 1;

    private static final byte[] NO_TOKEN = {};

    /** Ids run from 0 to below this. */
    int size() {
        return offsets.length - 1;
    }

    /** The id of a token, or -1. */
    int id(String token) {
        byte[] bytes = token.getBytes(StandardCharsets.UTF_8);
        return id(bytes, 0, bytes.length);
    }

    /** The id of the token spelled by {@code bytes[from, to)}, or -1. */
    int id(byte[] bytes, int from, int to) {
        int mask = table.length - 1;
        for (int slot = hash(bytes, from, to) & mask; ; slot = (slot + 1) & mask) {
            int id = table[slot] - 1;
            if (id < 0 || Arrays.equals(pool, offsets[id], offsets[id + 1], bytes, from, to)) {
                return id;
            }
        }
    }

    int length(int id) {
        return offsets[id + 1] - offsets[id];
    }

    /** The token's text; empty for an id that no token has. */
    String token(int id) {
        return new String(pool, offsets[id], length(id), StandardCharsets.UTF_8);
    }

    /** This vocabulary with {@code more} tokens numbered on from its size. */
    Vocabulary with(List<byte[]> more) {
        return more.isEmpty() ? this : extend(this, more);
    }

    /**
     * The vocabulary whose token {@code id} is {@code tokens.get(id)}, empty where no token has the id.
     *
     * @throws IllegalArgumentException if two tokens are equal
     */
    static Vocabulary of(List<byte[]> tokens) {
        return extend(new Vocabulary(NO_TOKEN, new int[1], new int[0]), tokens);
    }

    private static Vocabulary extend(Vocabulary old, List<byte[]> more) {
        int bytes = old.pool.length;
        for (byte[] token : more) {
            bytes = Math.addExact(bytes, token.length);
        }
        byte[] pool = Arrays.copyOf(old.pool, bytes);
        int[] offsets = Arrays.copyOf(old.offsets, old.offsets.length + more.size());
        int end = old.pool.length;
        for (int i = 0; i < more.size(); i++) {
            byte[] token = more.get(i);
            System.arraycopy(token, 0, pool, end, token.length);
            end += token.length;
            offsets[old.offsets.length + i] = end;
        }
        int size = offsets.length - 1;
        boolean roomy = old.table.length > 0 && old.table.length >= size + size / 2;
        int[] table = roomy ? old.table.clone() : new int[Integer.highestOneBit(Math.max(8, size)) << 2];
        for (int id = roomy ? old.size() : 0; id < size; id++) {
            insert(pool, offsets, table, id);
        }
        return new Vocabulary(pool, offsets, table);
    }

    private static void insert(byte[] pool, int[] offsets, int[] table, int id) {
        int from = offsets[id];
        int to = offsets[id + 1];
        if (from == to) {
            return;
        }
        int mask = table.length - 1;
        int slot = hash(pool, from, to) & mask;
        while (table[slot] != 0) {
            int other = table[slot] - 1;
            if (Arrays.equals(pool, offsets[other], offsets[other + 1], pool, from, to)) {
                throw new IllegalArgumentException("token '" + new String(pool, from, to - from, StandardCharsets.UTF_8)
                        + "' has ids " + other + " and " + id + ", wanted one");
            }
            slot = (slot + 1) & mask;
        }
        table[slot] = id + 1;
    }

    private static int hash(byte[] bytes, int from, int to) {
        int hash = 0;
        for (int i = from; i < to; i++) {
            hash = hash * 0x01000193 + bytes[i];
        }
        hash *= 0x9E3779B9;
        return hash ^ (hash >>> 15);
    }
}
