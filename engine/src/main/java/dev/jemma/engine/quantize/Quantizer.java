package dev.jemma.engine.quantize;

import dev.jemma.engine.tensor.Conversion;
import dev.jemma.engine.tensor.Tensor;
import dev.jemma.engine.tensor.Values;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Converts weights to another float type, plain or quantized, off the heap and rows in parallel. A row's bits depend on
 * the row alone ({@link Conversion}), so they are the same for any number of threads. For one thread; closing ends its
 * threads.
 */
public final class Quantizer implements AutoCloseable {
    private static final int PARTS_PER_THREAD = 4;

    private final ExecutorService pool;
    private final int threads;

    /** A quantizer with {@code threads} threads of its own. */
    public Quantizer(int threads) {
        this.threads = threads;
        this.pool = Executors.newFixedThreadPool(
                threads,
                Thread.ofPlatform().daemon().name("jemma-quantizer-", 1).factory());
    }

    /**
     * Rounds {@code from}, from element {@code start} on, to {@code to}, which has at least one dimension; rows are
     * those of the last.
     *
     * @param start the first element of a row
     * @throws IllegalArgumentException if {@code to}'s type does not hold a value of {@code from}, an infinity or NaN;
     *     names the row of {@code to}
     */
    public void convert(Values from, long start, Tensor to) {
        long rows = to.shape().rows();
        int columns = Math.toIntExact(to.dim(-1));
        long part = Math.max(1, Math.ceilDiv(rows, (long) threads * PARTS_PER_THREAD));
        List<Callable<Void>> parts = new ArrayList<>();
        for (long first = 0; first < rows; first += part) {
            long begin = first;
            long end = Math.min(rows, first + part);
            parts.add(() -> {
                convertRows(from, start, to, begin, end, columns);
                return null;
            });
        }
        try {
            for (Future<Void> done : pool.invokeAll(parts)) {
                done.get();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while converting weights", e);
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case RuntimeException failed -> throw failed;
                case Error failed -> throw failed;
                case null, default -> throw new IllegalStateException(e);
            }
        }
    }

    private static void convertRows(Values from, long start, Tensor to, long begin, long end, int columns) {
        float[] row = new float[columns];
        for (long i = begin; i < end; i++) {
            from.read(start + i * columns, row, columns);
            try {
                Conversion.round(row, to, i * columns, columns);
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException("row " + i + ": " + e.getMessage(), e);
            }
        }
    }

    @Override
    public void close() {
        pool.shutdownNow();
    }
}
