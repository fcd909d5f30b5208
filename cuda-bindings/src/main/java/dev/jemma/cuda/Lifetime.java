package dev.jemma.cuda;

/**
 * The open-or-closed state of one owner, entered in its context's ledger. Owners hold one and ask it before every use,
 * so that use after close and use from a wrong thread are errors with names in them and not crashes in the driver.
 */
final class Lifetime {
    private final CudaContext context;
    private final String what;
    private final Runnable release;
    private boolean open = true;

    /**
     * @param what the owner, in words: {@code DeviceBuffer of 4096 bytes}
     * @param release gives the native object back; runs at most once, on the context's thread
     */
    Lifetime(CudaContext context, String what, Runnable release) {
        this.context = context;
        this.what = what;
        this.release = release;
        context.enter(this);
    }

    String what() {
        return what;
    }

    /** Throws unless the owner is open, on its thread, and its context works. */
    void use() {
        if (!open) {
            throw new IllegalStateException(what + " is closed");
        }
        context.use(what);
    }

    boolean isOpen() {
        return open;
    }

    /** Releases the native object the first time, does nothing later. */
    void end() {
        if (open) {
            context.requireThread(what);
            open = false;
            context.leave(this);
            release.run();
        }
    }
}
