package dev.jemma.engine.kernel.cpu.base;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Random;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class ThreadTeamTest {
    /** Behind each other as fast as they go: members are late for most, and claim from the next. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 5})
    void runsEveryChunkOfEveryTaskOnceBeforeItReturns(int threads) {
        Random random = new Random(threads);
        try (ThreadTeam team = new ThreadTeam(threads)) {
            for (int round = 0; round < 3_000; round++) {
                int chunks = random.nextInt(7);
                AtomicIntegerArray runs = new AtomicIntegerArray(8);
                int[] seen = new int[8]; // plain: run publishes what chunks wrote
                team.run(chunks, (chunk, member) -> {
                    assertThat(member).isBetween(0, threads - 1);
                    seen[chunk] = chunk + 1;
                    runs.incrementAndGet(chunk);
                });
                for (int chunk = 0; chunk < 8; chunk++) {
                    assertThat(runs.get(chunk)).isEqualTo(chunk < chunks ? 1 : 0);
                    assertThat(seen[chunk]).isEqualTo(chunk < chunks ? chunk + 1 : 0);
                }
            }
        }
    }

    /** Chunk 1 waits for chunk 0, so that two members have to take part. */
    @Test
    void wakesMembersThatSleep() throws InterruptedException {
        try (ThreadTeam team = new ThreadTeam(2)) {
            for (int round = 0; round < 5; round++) {
                Thread.sleep(5); // they park after one
                AtomicIntegerArray started = new AtomicIntegerArray(2);
                team.run(2, (chunk, member) -> {
                    started.set(chunk, 1);
                    while (started.get(1 - chunk) == 0) {
                        Thread.onSpinWait();
                    }
                });
            }
        }
    }

    @Test
    void rethrowsTheFirstFailureAndGoesOn() {
        try (ThreadTeam team = new ThreadTeam(3)) {
            for (int round = 0; round < 200; round++) {
                assertThatThrownBy(() -> team.run(9, (chunk, member) -> {
                            if (chunk % 3 == 1) {
                                throw new IllegalArgumentException("chunk");
                            }
                        }))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessage("chunk");
                AtomicIntegerArray runs = new AtomicIntegerArray(4);
                team.run(4, (chunk, member) -> runs.incrementAndGet(chunk));
                assertThat(runs.toString()).isEqualTo("[1, 1, 1, 1]");
            }
        }
    }

    @Test
    void refusesTasksOnceClosed() {
        ThreadTeam team = new ThreadTeam(2);
        team.close();
        team.close();
        assertThatThrownBy(() -> team.run(2, (chunk, member) -> {}))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("the CPU kernels are closed");
        assertThatThrownBy(() -> new ThreadTeam(0)).hasMessage("0 threads, wanted 1 or more");
    }
}
