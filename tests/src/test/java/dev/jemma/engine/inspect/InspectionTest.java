package dev.jemma.engine.inspect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.gguf.GgmlType;
import dev.jemma.engine.gguf.GgufWriter;
import dev.jemma.tests.Shared;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.node.ObjectNode;

final class InspectionTest {
    @TempDir
    Path folder;

    @Test
    void describesAModelFolder() throws IOException {
        ObjectNode json = Inspection.of(Shared.need("reference/models/gemma3")).toJson();
        assertThat(json.get("kind").stringValue()).isEqualTo("model");
        assertThat(json.get("family").stringValue()).isEqualTo("Gemma 3");
        assertThat(json.get("num_hidden_layers").intValue()).isEqualTo(7);
        assertThat(json.get("weights").get("files").size()).isGreaterThan(1);
        assertThat(json.get("weights").get("dtypes").get("BF16").longValue())
                .isEqualTo(json.get("parameters").longValue());
        assertThat(json.get("problems").size()).isZero();
    }

    @Test
    void describesAnAdapterFolderAndAFile() throws IOException {
        Path adapter = Shared.need("reference/models/gemma2/lora");
        ObjectNode json = Inspection.of(adapter).toJson();
        assertThat(json.get("kind").stringValue()).isEqualTo("adapter");
        assertThat(json.get("config").get("r").intValue()).isEqualTo(8);
        assertThat(json.get("parameters").longValue())
                .isEqualTo(json.get("weights").get("elements").longValue());
        ObjectNode file =
                Inspection.of(adapter.resolve("adapter_model.safetensors")).toJson();
        assertThat(file.get("kind").stringValue()).isEqualTo("tensors");
        assertThat(file.get("metadata").get("format").stringValue()).isEqualTo("pt");
    }

    @Test
    void showsWhatCanBeReadBesideWhatIsWrong() throws IOException {
        Files.writeString(folder.resolve("config.json"), "{\"model_type\":\"gemma2\",\"hidden_size\":64}");
        Files.writeString(folder.resolve("model.safetensors"), "12345678{}");
        Inspection inspection = Inspection.of(folder);
        assertThat(inspection.problems())
                .hasSize(1)
                .first()
                .asString()
                .startsWith("model.safetensors: header length is");
        assertThat(inspection.warnings()).containsExactly("no tokenizer.json: text cannot be read or written");
        assertThat(inspection.toJson().get("hidden_size").intValue()).isEqualTo(64);
    }

    @Test
    void describesAGgufFile() throws IOException {
        Path file = new GgufWriter()
                .text("general.architecture", "llama")
                .whole("llama.block_count", 2)
                .tensor("token_embd.weight", GgmlType.Q2_K, new byte[84], 1, 256)
                .write(folder.resolve("other.gguf"));
        ObjectNode json = Inspection.of(file).toJson();
        assertThat(json.get("kind").stringValue()).isEqualTo("model");
        assertThat(json.get("format").stringValue()).isEqualTo("gguf");
        assertThat(json.get("version").intValue()).isEqualTo(3);
        assertThat(json.get("metadata").get("llama.block_count").stringValue()).isEqualTo("2");
        assertThat(json.get("weights").get("dtypes").get("Q2_K").longValue()).isEqualTo(256);
        assertThat(json.get("problems").get(0).stringValue())
                .isEqualTo("other.gguf: general.architecture is \"llama\"; Jemma runs Gemma 1, 2 and 3 (gemma, gemma2,"
                        + " gemma3)");
        Files.writeString(file, "GGUF");
        assertThat(Inspection.of(file).problems())
                .singleElement()
                .asString()
                .contains("the file ends within the version");
    }

    @Test
    void refusesWhatIsNeitherFolderNorSafetensors() throws IOException {
        Path file = Files.writeString(folder.resolve("x.bin"), "");
        assertThatThrownBy(() -> Inspection.of(file))
                .isInstanceOf(FormatException.class)
                .hasMessage(
                        file + ": is a file, wanted a model folder, an adapter folder, a .gguf or a .safetensors file");
        assertThatThrownBy(() -> Inspection.of(folder.resolve("gone"))).isInstanceOf(NoSuchFileException.class);
    }
}
