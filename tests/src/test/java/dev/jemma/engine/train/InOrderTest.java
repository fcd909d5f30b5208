package dev.jemma.engine.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class InOrderTest {
    private static final int MANY = 500;

    private static int slow(int i) throws InterruptedException {
        if (i % 7 == 0) {
            Thread.sleep(1); // so that later pieces are done first
        }
        return i;
    }

    @Test
    void resultsComeInTheOrderOfTheWorkOnTheCallersThread() {
        for (int threads : new int[] {1, 2, 5}) {
            List<Integer> results = new ArrayList<>();
            Set<Thread> takers = ConcurrentHashMap.newKeySet();
            try (var work = new InOrder<Integer>(threads, "test", result -> {
                results.add(result);
                takers.add(Thread.currentThread());
            })) {
                for (int i = 0; i < MANY; i++) {
                    int piece = i;
                    work.add(() -> slow(piece));
                }
                work.finish();
            }
            assertThat(results).isEqualTo(IntStream.range(0, MANY).boxed().toList());
            assertThat(takers).containsExactly(Thread.currentThread());
        }
    }

    @Test
    void severalThreadsWorkAtATime() {
        var both = new CountDownLatch(2);
        try (var work = new InOrder<Integer>(2, "test", result -> {})) {
            for (int i = 0; i < 2; i++) {
                work.add(() -> {
                    both.countDown();
                    both.await(); // ends only if the other piece has begun
                    return 0;
                });
            }
            work.finish();
        }
        assertThat(both.getCount()).isZero();
    }

    @Test
    void firstFailureComesInItsTurnAndNothingAfterIt() {
        List<Integer> results = new ArrayList<>();
        try (var work = new InOrder<Integer>(3, "test", results::add)) {
            assertThatThrownBy(() -> {
                        for (int i = 0; i < MANY; i++) {
                            int piece = i;
                            work.add(() -> {
                                if (piece == 40) {
                                    Thread.sleep(20); // later failures are there before it
                                }
                                if (piece >= 40) {
                                    throw new IllegalArgumentException("piece " + piece);
                                }
                                return piece;
                            });
                        }
                        work.finish();
                    })
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("piece 40");
            work.finish();
        }
        assertThat(results).isEqualTo(IntStream.range(0, 40).boxed().toList());
    }

    @Test
    void whatTheTakerThrowsEndsIt() {
        List<Integer> results = new ArrayList<>();
        try (var work = new InOrder<Integer>(2, "test", result -> {
            results.add(result);
            if (result == 3) {
                throw new IllegalStateException("enough");
            }
        })) {
            assertThatThrownBy(() -> {
                        for (int i = 0; i < MANY; i++) {
                            int piece = i;
                            work.add(() -> piece);
                        }
                        work.finish();
                    })
                    .hasMessage("enough");
            work.finish();
        }
        assertThat(results).containsExactly(0, 1, 2, 3);
    }

    @Test
    void onlyAFewPiecesPerThreadAreHeldAtATime() {
        var begun = new AtomicInteger();
        var taken = new AtomicInteger();
        var mostHeld = new AtomicInteger();
        try (var work = new InOrder<Integer>(2, "test", result -> taken.incrementAndGet())) {
            for (int i = 0; i < MANY; i++) {
                int piece = i;
                work.add(() -> {
                    mostHeld.accumulateAndGet(begun.incrementAndGet() - taken.get(), Math::max);
                    return slow(piece);
                });
            }
            work.finish();
        }
        assertThat(taken).hasValue(MANY);
        assertThat(mostHeld.get()).isBetween(1, 2 * InOrder.AHEAD + 1);
    }

    @Test
    void anInterruptIsKeptForWhoWaitsLonger() {
        List<Integer> results = new ArrayList<>();
        try (var work = new InOrder<Integer>(1, "test", results::add)) {
            Thread.currentThread().interrupt();
            work.add(() -> slow(7));
            work.finish();
            assertThat(Thread.interrupted()).isTrue();
        }
        assertThat(results).containsExactly(7);
    }
}
