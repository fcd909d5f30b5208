package dev.jemma.cuda;

/**
 * Extents of a grid, a block or a cluster.
 *
 * @param x the fastest dimension
 * @param y the second dimension
 * @param z the slowest dimension
 */
public record Dim3(int x, int y, int z) {
    /** Checks that all extents are positive. */
    public Dim3 {
        if (x < 1 || y < 1 || z < 1) {
            throw new IllegalArgumentException("(" + x + "," + y + "," + z + "): wanted extents of 1 or more");
        }
    }

    /** One dimension. */
    public static Dim3 of(int x) {
        return new Dim3(x, 1, 1);
    }

    /** Two dimensions. */
    public static Dim3 of(int x, int y) {
        return new Dim3(x, y, 1);
    }

    /** The product of the extents. */
    public long count() {
        return (long) x * y * z;
    }

    @Override
    public String toString() {
        return "(" + x + "," + y + "," + z + ")";
    }
}
