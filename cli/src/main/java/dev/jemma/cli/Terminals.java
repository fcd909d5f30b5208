package dev.jemma.cli;

/**
 * Which standard streams are a terminal, and how wide it is.
 *
 * @param stdin whether stdin is typed by a person
 * @param stdout whether stdout is read by a person
 * @param stderr whether stderr is read by a person
 * @param width columns
 */
record Terminals(boolean stdin, boolean stdout, boolean stderr, int width) {
    /** Nothing is a terminal: pipes and files. */
    static final Terminals NONE = new Terminals(false, false, false, 80);

    /**
     * What this process has. Java cannot ask about stderr, so the launcher says so in {@code jemma.stderr.terminal}; it
     * says the same about the other two, because {@code Console} only knows whether both are one.
     */
    static Terminals detect() {
        int width = 80;
        try {
            width = Integer.parseInt(System.getProperty("jemma.terminal.width", "80"));
        } catch (NumberFormatException e) {
            // The launcher could not tell; 80 columns are always safe.
        }
        return new Terminals(
                Boolean.getBoolean("jemma.stdin.terminal"),
                Boolean.getBoolean("jemma.stdout.terminal"),
                Boolean.getBoolean("jemma.stderr.terminal"),
                Math.max(20, width));
    }
}
