package dev.jemma.engine.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.engine.api.RowOptions.Packing;
import dev.jemma.engine.api.RowOptions.TooLong;
import dev.jemma.engine.api.RowReport;
import dev.jemma.engine.api.TrainingConfig;
import dev.jemma.engine.api.TrainingConfig.RowOrder;
import dev.jemma.engine.api.TrainingExample;
import dev.jemma.engine.gemma.Batch;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class DatasetBatchesTest {
    /** Row i is i + 1 tokens, all of them 100 + i, unless {@code lengths} says otherwise. */
    private static Dataset dataset(int... lengths) {
        List<TrainingExample> examples = new ArrayList<>();
        for (int i = 0; i < lengths.length; i++) {
            int[] ids = new int[lengths[i]];
            Arrays.fill(ids, 100 + i);
            examples.add(new TrainingExample(ids, ids.clone()));
        }
        return new Dataset(
                examples,
                new RowReport(
                        Path.of("rows.jsonl"),
                        lengths.length,
                        2048,
                        TooLong.LEAVE_OUT,
                        0,
                        0,
                        0,
                        0,
                        0,
                        0,
                        0,
                        List.of()));
    }

    private static TrainingConfig config(int rows, int accumulation, long seed, RowOrder order) {
        return TrainingConfig.defaults()
                .withPerDeviceTrainBatchSize(rows)
                .withGradientAccumulationSteps(accumulation)
                .withSeed(seed)
                .withShuffle(order);
    }

    /** The rows of a step by their first tokens, one list a micro-batch. */
    private static List<List<Integer>> rows(List<Batch> step) {
        return step.stream()
                .map(batch -> Arrays.stream(batch.starts())
                        .map(start -> batch.ids()[start] - 100)
                        .boxed()
                        .toList())
                .toList();
    }

    @Test
    void rowsComeInFileOrderInMicroBatchesWithoutPadding() {
        var data = new DatasetBatches(dataset(2, 3, 4, 5, 6), config(2, 2, 1, RowOrder.AS_GIVEN), Packing.OFF, 99);
        assertThat(data.stepsPerEpoch()).isEqualTo(2);
        assertThat(rows(data.step(0))).containsExactly(List.of(0, 1), List.of(2, 3));
        assertThat(rows(data.step(1)))
                .as("the last step of an epoch takes what is left")
                .containsExactly(List.of(4));
        assertThat(rows(data.step(2)))
                .as("and the next epoch begins anew")
                .containsExactly(List.of(0, 1), List.of(2, 3));
        assertThat(data.step(0).getFirst().ids()).containsExactly(100, 100, 101, 101, 101);
        assertThat(data.maxTokens()).isEqualTo(11);
    }

    @Test
    void everyEpochHasAnOrderOfItsOwnAndEveryRowOnce() {
        int[] lengths = new int[50];
        Arrays.fill(lengths, 2);
        var data = new DatasetBatches(dataset(lengths), config(5, 1, 42, RowOrder.SHUFFLED), Packing.OFF, 99);
        List<List<Integer>> epochs = new ArrayList<>();
        for (int epoch = 0; epoch < 3; epoch++) {
            List<Integer> order = new ArrayList<>();
            for (int step = 0; step < 10; step++) {
                rows(data.step(epoch * 10L + step)).forEach(order::addAll);
            }
            assertThat(order).doesNotHaveDuplicates().hasSize(50);
            epochs.add(order);
        }
        assertThat(epochs).doesNotHaveDuplicates();
    }

    @Test
    void aStepDependsOnItsIndexAndTheSeedAlone() {
        int[] lengths = new int[31];
        Arrays.fill(lengths, 3);
        Dataset dataset = dataset(lengths);
        var first = new DatasetBatches(dataset, config(4, 2, 7, RowOrder.SHUFFLED), Packing.OFF, 99);
        var resumed = new DatasetBatches(dataset, config(4, 2, 7, RowOrder.SHUFFLED), Packing.OFF, 99);
        var other = new DatasetBatches(dataset, config(4, 2, 8, RowOrder.SHUFFLED), Packing.OFF, 99);
        for (long step = 0; step < 9; step++) {
            first.step(step);
        }
        assertThat(rows(first.step(9))).isEqualTo(rows(resumed.step(9)));
        assertThat(rows(first.step(0))).isEqualTo(rows(resumed.step(0))).isNotEqualTo(rows(other.step(0)));
    }

    @Test
    void packingPutsLongRowsFirstIntoTheFullestPlaceThatFits() {
        var packs = DatasetBatches.pack(dataset(3, 7, 5, 2, 4, 9).examples(), 10);
        assertThat(packs.stream()
                        .map(pack -> pack.stream().map(e -> e.ids().length).toList())
                        .toList())
                .containsExactly(List.of(9), List.of(7, 3), List.of(5, 4), List.of(2));
    }

    @Test
    void packingKeepsEveryRowWholeAndApart() {
        var random = new SplittableRandom(1);
        int[] lengths = random.ints(400, 1, 200).toArray();
        Dataset dataset = dataset(lengths);
        var packs = DatasetBatches.pack(dataset.examples(), 256);
        assertThat(packs.stream().mapToInt(List::size).sum()).isEqualTo(400);
        assertThat(packs)
                .allSatisfy(pack -> assertThat(
                                pack.stream().mapToInt(e -> e.ids().length).sum())
                        .isLessThanOrEqualTo(256));
        assertThat(packs.size())
                .as("best-fit decreasing needs at most 11/9 of the least number and one more")
                .isLessThanOrEqualTo(Math.ceilDiv(Arrays.stream(lengths).sum(), 256) * 11 / 9 + 1);
        var data = new DatasetBatches(dataset, config(1, 1, 1, RowOrder.AS_GIVEN), Packing.BEST_FIT, 256);
        Batch batch = data.step(data.stepsPerEpoch() - 1).getFirst();
        assertThat(batch.starts()).hasSize(packs.getLast().size());
    }

    @ParameterizedTest
    @EnumSource(Packing.class)
    void theFingerprintTellsRunsApart(Packing packing) {
        var config = config(2, 1, 1, RowOrder.AS_GIVEN);
        String one = new DatasetBatches(dataset(2, 3), config, packing, 9).fingerprint();
        assertThat(new DatasetBatches(dataset(2, 3), config, packing, 9).fingerprint())
                .isEqualTo(one);
        assertThat(new DatasetBatches(dataset(3, 2), config, packing, 9).fingerprint())
                .isNotEqualTo(one);
        assertThat(new DatasetBatches(dataset(2, 3), config, packing == Packing.OFF ? Packing.BEST_FIT : Packing.OFF, 9)
                        .fingerprint())
                .isNotEqualTo(one);
    }
}
