package dev.jemma.engine.lora;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.engine.gemma.Checkpoint;
import dev.jemma.engine.safetensors.SafetensorsFile;
import dev.jemma.engine.tensor.Tensor;
import dev.jemma.tests.Shared;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class AdapterTest {
    @ParameterizedTest
    @CsvSource({
        "gemma1,lora", "gemma1,lora-rs-pattern", "gemma1,lora-embedding", "gemma1,train/start",
        "gemma2,lora", "gemma2,lora-rs-pattern", "gemma2,lora-embedding", "gemma2,train/end",
        "gemma3,lora", "gemma3,lora-rs-pattern", "gemma3,lora-embedding", "gemma3,train/start",
        "gemma3-rope-scaled,lora", "gemma3-multimodal,lora"
    })
    void savesTheSameFileThatPeftWrote(String model, String adapter, @TempDir Path out) throws IOException {
        Path folder = Shared.need("reference/models/" + model);
        Path peft = folder.resolve(adapter);
        try (Checkpoint checkpoint = Checkpoint.open(folder);
                Adapter loaded = Adapter.load(peft, checkpoint)) {
            assertThat(loaded.warnings()).isEmpty();
            loaded.save(out);
            assertThat(read(out)).isEqualTo(read(peft));
            try (Adapter again = Adapter.load(out, checkpoint)) {
                assertThat(again.config().rankPattern())
                        .isEqualTo(loaded.config().rankPattern());
                assertThat(again.tensors().keySet()).isEqualTo(loaded.tensors().keySet());
            }
        }
    }

    /** Names, shapes and values of an adapter's tensors, sorted by name. */
    private static List<String> read(Path folder) throws IOException {
        List<String> lines = new ArrayList<>();
        try (SafetensorsFile file = SafetensorsFile.open(folder.resolve("adapter_model.safetensors"))) {
            for (String name : file.names().stream().sorted().toList()) {
                Tensor tensor = file.tensor(name);
                lines.add(name + " " + tensor.shape() + " "
                        + Arrays.hashCode(tensor.segment().toArray(ValueLayout.JAVA_BYTE)));
            }
        }
        return lines;
    }
}
