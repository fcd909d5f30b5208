package dev.jemma.cuda.internal;

/**
 * One place where a library was looked for.
 *
 * @param place a file or a folder, or a bare name for the system loader's own search
 * @param outcome why it was not taken, in the system loader's words where it was asked, or {@code loaded}
 */
public record Attempt(String place, String outcome) {
    @Override
    public String toString() {
        return place + ": " + outcome;
    }
}
