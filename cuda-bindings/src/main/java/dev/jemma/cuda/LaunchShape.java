package dev.jemma.cuda;

/**
 * How a kernel is spread over the device.
 *
 * @param grid blocks
 * @param block threads of a block
 * @param sharedBytes dynamic shared memory of a block
 * @param cooperation what the blocks may do together
 */
public record LaunchShape(Dim3 grid, Dim3 block, int sharedBytes, Cooperation cooperation) {
    /** What the blocks of a grid may do together. */
    public sealed interface Cooperation {
        /** Blocks run in any order, each for itself. */
        record Independent() implements Cooperation {}

        /** All blocks are resident at once, so the whole grid can wait for itself (cooperative groups). */
        record WholeGrid() implements Cooperation {}

        /**
         * Blocks of a cluster run on one group of multiprocessors and can read each other's shared memory; from Hopper
         * on.
         *
         * @param size blocks of a cluster; divides the grid
         */
        record Clusters(Dim3 size) implements Cooperation {}

        /** The kernel may start while the one before it still ends, and waits for it itself; from Hopper on. */
        record Overlapping() implements Cooperation {}
    }

    /** Checks the size of the shared memory and that clusters divide the grid. */
    public LaunchShape {
        if (sharedBytes < 0) {
            throw new IllegalArgumentException("shared memory of " + sharedBytes + " bytes: wanted 0 or more");
        }
        if (cooperation instanceof Cooperation.Clusters(Dim3 size)
                && (grid.x() % size.x() != 0 || grid.y() % size.y() != 0 || grid.z() % size.z() != 0)) {
            throw new IllegalArgumentException("clusters of " + size + " do not divide the grid " + grid);
        }
    }

    /** Independent blocks without dynamic shared memory. */
    public static LaunchShape of(Dim3 grid, Dim3 block) {
        return new LaunchShape(grid, block, 0, new Cooperation.Independent());
    }

    /** Enough blocks of {@code block} threads for {@code threads} threads in one dimension. */
    public static LaunchShape covering(long threads, int block) {
        long blocks = Math.ceilDiv(threads, block);
        if (threads < 1 || blocks > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(threads + " threads in blocks of " + block
                    + ": wanted 1 thread or more and at most " + Integer.MAX_VALUE + " blocks");
        }
        return of(Dim3.of((int) blocks), Dim3.of(block));
    }

    /** The same shape with this much dynamic shared memory. */
    public LaunchShape withShared(int bytes) {
        return new LaunchShape(grid, block, bytes, cooperation);
    }

    /** The same shape with blocks that cooperate. */
    public LaunchShape with(Cooperation together) {
        return new LaunchShape(grid, block, sharedBytes, together);
    }

    /** {@code <<<(8,1,1), (256,1,1), 1024 bytes shared>>>}. */
    @Override
    public String toString() {
        return "<<<" + grid + ", " + block + ", " + sharedBytes + " bytes shared>>>";
    }
}
