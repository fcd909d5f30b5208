package dev.jemma.engine.train;

import dev.jemma.engine.api.RowOptions.Packing;
import dev.jemma.engine.api.RowReport;
import dev.jemma.engine.api.TrainingConfig;
import dev.jemma.engine.api.TrainingConfig.RowOrder;
import dev.jemma.engine.api.TrainingExample;
import dev.jemma.engine.gemma.Batch;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.TreeMap;

/**
 * A dataset as optimizer steps: rows in the order of their epoch, {@code batch size} rows a micro-batch,
 * {@code accumulation} micro-batches a step. The last step of an epoch takes what is left.
 *
 * <p>The order of epoch e is a Fisher-Yates shuffle by {@link SplittableRandom} seeded with {@code seed + e}: a
 * function of both alone. With packing, rows are first put together by best-fit decreasing into packs of at most
 * {@code max_length} tokens, and packs take the place of rows; the rows of a pack do not see each other.
 */
public final class DatasetBatches implements TrainingData {
    private final Dataset dataset;
    private final List<List<TrainingExample>> places;
    private final TrainingConfig config;
    private final String settings;
    private int[] order = new int[0];
    private long orderOf = -1;

    /** Steps of {@code dataset} as {@code config} wants them. */
    public DatasetBatches(Dataset dataset, TrainingConfig config, Packing packing, int maxLength) {
        this.dataset = dataset;
        this.config = config;
        this.places = switch (packing) {
            case OFF -> dataset.examples().stream().map(List::of).toList();
            case BEST_FIT -> pack(dataset.examples(), maxLength);
        };
        this.settings = packing + (packing == Packing.OFF ? "" : " " + maxLength);
    }

    /** Best-fit decreasing: the longest row first, each into the fullest pack that has room. Ties keep file order. */
    static List<List<TrainingExample>> pack(List<TrainingExample> examples, int capacity) {
        List<TrainingExample> sorted = new ArrayList<>(examples);
        sorted.sort(Comparator.comparingInt((TrainingExample example) -> -example.ids().length));
        List<List<TrainingExample>> packs = new ArrayList<>();
        TreeMap<Integer, List<Integer>> byRoom = new TreeMap<>();
        for (TrainingExample example : sorted) {
            int length = example.ids().length;
            Integer room = byRoom.ceilingKey(length);
            int pack;
            if (room == null) {
                pack = packs.size();
                packs.add(new ArrayList<>());
                room = Math.max(capacity, length);
            } else {
                List<Integer> candidates = byRoom.getOrDefault(room, List.of());
                pack = candidates.removeFirst();
                if (candidates.isEmpty()) {
                    byRoom.remove(room);
                }
            }
            packs.get(pack).add(example);
            byRoom.computeIfAbsent(room - length, key -> new ArrayList<>()).add(pack);
        }
        return packs;
    }

    /** What the rows are like, and which of them were left out. */
    public RowReport report() {
        return dataset.report();
    }

    @Override
    public long stepsPerEpoch() {
        return Math.ceilDiv(places.size(), rowsPerStep());
    }

    private long rowsPerStep() {
        return (long) config.perDeviceTrainBatchSize() * config.gradientAccumulationSteps();
    }

    @Override
    public List<Batch> step(long index) {
        long epoch = index / stepsPerEpoch();
        long from = index % stepsPerEpoch() * rowsPerStep();
        long to = Math.min(places.size(), from + rowsPerStep());
        int[] rows = order(epoch);
        List<Batch> batches = new ArrayList<>();
        for (long at = from; at < to; at += config.perDeviceTrainBatchSize()) {
            batches.add(batch(rows, (int) at, (int) Math.min(to, at + config.perDeviceTrainBatchSize())));
        }
        return batches;
    }

    private Batch batch(int[] rows, int from, int to) {
        List<int[]> ids = new ArrayList<>();
        List<int[]> labels = new ArrayList<>();
        for (int i = from; i < to; i++) {
            for (TrainingExample example : places.get(rows[i])) {
                ids.add(example.ids());
                labels.add(example.labels());
            }
        }
        return Batch.of(ids, labels);
    }

    private int[] order(long epoch) {
        if (orderOf != epoch) {
            order = new int[places.size()];
            for (int i = 0; i < order.length; i++) {
                order[i] = i;
            }
            if (config.shuffle() == RowOrder.SHUFFLED) {
                SplittableRandom random = new SplittableRandom(config.seed() + epoch);
                for (int i = order.length - 1; i > 0; i--) {
                    int j = random.nextInt(i + 1);
                    int swapped = order[i];
                    order[i] = order[j];
                    order[j] = swapped;
                }
            }
            orderOf = epoch;
        }
        return order;
    }

    /** The longest micro-batch there can be: the longest places together. */
    @Override
    public int maxTokens() {
        return places.stream()
                .map(place ->
                        place.stream().mapToInt(example -> example.ids().length).sum())
                .sorted(Comparator.reverseOrder())
                .limit(config.perDeviceTrainBatchSize())
                .mapToInt(Integer::intValue)
                .sum();
    }

    @Override
    public String fingerprint() {
        return dataset.digest() + " " + dataset.examples().size() + " rows, packing " + settings;
    }
}
