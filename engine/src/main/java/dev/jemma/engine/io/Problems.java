package dev.jemma.engine.io;

import dev.jemma.engine.api.FormatException;
import java.util.ArrayList;
import java.util.List;

/** Collects what is wrong with a file or folder, so that one load reports everything at once. Not safe for threads. */
public final class Problems {
    /** More than these are counted, not shown: a wrong model differs in every tensor. */
    private static final int SHOWN = 12;

    private final List<String> found = new ArrayList<>();

    /** Adds a problem; the message names its place. */
    public void add(String message) {
        found.add(message);
    }

    /** Every problem so far, in the order found. */
    public List<String> found() {
        return List.copyOf(found);
    }

    /** Whether nothing was found. */
    public boolean isEmpty() {
        return found.isEmpty();
    }

    /**
     * Throws what was found, one problem a line.
     *
     * @throws FormatException if anything was found
     */
    public void throwIfAny() {
        if (found.isEmpty()) {
            return;
        }
        String message = String.join("\n", found.subList(0, Math.min(SHOWN, found.size())));
        if (found.size() > SHOWN) {
            message += "\nand " + (found.size() - SHOWN) + " more problems like these";
        }
        throw new FormatException(message);
    }
}
