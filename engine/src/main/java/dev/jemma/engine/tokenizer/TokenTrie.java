package dev.jemma.engine.tokenizer;

import java.util.Arrays;
import java.util.List;

/** The texts of added tokens as a trie over chars, its edges in one open-addressing table. Immutable once built. */
final class TokenTrie {
    private long[] edges = new long[1 << 8];
    private int[] targets = new int[1 << 8];
    private int edgeCount;
    private int[] tokenAt = new int[1 << 8];
    private int nodes = 1;

    /** The trie of {@code texts}; the walk's answer for text i is i. */
    TokenTrie(List<String> texts) {
        Arrays.fill(tokenAt, -1);
        for (int i = 0; i < texts.size(); i++) {
            add(texts.get(i), i);
        }
    }

    private void add(String text, int token) {
        int node = 0;
        for (int i = 0; i < text.length(); i++) {
            int next = step(node, text.charAt(i));
            if (next < 0) {
                next = nodes++;
                if (next == tokenAt.length) {
                    tokenAt = Arrays.copyOf(tokenAt, 2 * next);
                    Arrays.fill(tokenAt, next, 2 * next, -1);
                }
                if (2 * ++edgeCount > edges.length) {
                    grow();
                }
                put(node, text.charAt(i), next);
            }
            node = next;
        }
        tokenAt[node] = token;
    }

    private void grow() {
        long[] oldEdges = edges;
        int[] oldTargets = targets;
        edges = new long[2 * oldEdges.length];
        targets = new int[edges.length];
        for (int i = 0; i < oldEdges.length; i++) {
            if (oldEdges[i] != 0) {
                put((int) (oldEdges[i] >>> 17), (char) (oldEdges[i] >>> 1), oldTargets[i]);
            }
        }
    }

    private void put(int node, char c, int target) {
        long edge = edge(node, c);
        int slot = slot(edge);
        while (edges[slot] != 0) {
            slot = (slot + 1) & (edges.length - 1);
        }
        edges[slot] = edge;
        targets[slot] = target;
    }

    /** The node that {@code c} leads to from {@code node} (0 is the root), or -1. */
    int step(int node, char c) {
        long edge = edge(node, c);
        for (int slot = slot(edge); edges[slot] != 0; slot = (slot + 1) & (edges.length - 1)) {
            if (edges[slot] == edge) {
                return targets[slot];
            }
        }
        return -1;
    }

    /** The text that ends at a node, or -1. */
    int token(int node) {
        return tokenAt[node];
    }

    /** Never 0, which marks a free slot. */
    private static long edge(int node, char c) {
        return ((long) node << 16 | c) << 1 | 1;
    }

    private int slot(long edge) {
        return (int) (edge * 0x9E3779B97F4A7C15L >>> 32) & (edges.length - 1);
    }
}
