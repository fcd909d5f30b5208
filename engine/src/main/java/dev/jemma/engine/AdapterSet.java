package dev.jemma.engine;

import dev.jemma.engine.checkpoint.Checkpoint;
import dev.jemma.engine.gemma.LowRanks;
import dev.jemma.engine.lora.Adapter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The adapters of a session; owns their tensors. */
final class AdapterSet implements AutoCloseable {
    private final List<Adapter> adapters = new ArrayList<>();

    /** Loads adapters and checks them against the model they are for. */
    AdapterSet(List<Path> folders, Checkpoint base) throws IOException {
        try {
            for (Path folder : folders) {
                adapters.add(Adapter.load(folder, base));
            }
        } catch (Throwable e) {
            close();
            throw e;
        }
    }

    /** Their updates; borrowed. */
    List<LowRanks> lowRanks() {
        return adapters.stream().map(Adapter::lowRanks).toList();
    }

    /** What users should know about their files, a line each. */
    List<String> warnings() {
        return adapters.stream().flatMap(adapter -> adapter.warnings().stream()).toList();
    }

    @Override
    public void close() {
        adapters.forEach(Adapter::close);
    }
}
