package dev.jemma.engine.kernel.cpu.code;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.kernel.cpu.code.x86.Disassembler;
import dev.jemma.engine.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The bytes of whole functions, and the one that the package's documentation walks through. */
final class FunctionsTest {
    private static final Path SOURCES = Path.of("../engine/src/main/java/dev/jemma/engine/kernel/cpu/code");

    /** Whole functions: nothing but known instructions, a single return at the end. */
    @Test
    void everyKernelIsWellFormed(@TempDir Path folder) throws IOException {
        List<byte[]> functions = new ArrayList<>(List.of(
                Bf16Panels.transposition(),
                Bf16Panels.interleaving(),
                Bf16Panels.rounding(),
                Bf16Dots.dots(),
                Bf16Dots.dotsOfEight(),
                Bf16Dots.splitting(),
                BlockDots.dots(),
                BlockDots.widening(DType.Q8_0),
                BlockDots.widening(DType.Q4_0),
                BlockDots.quantizing(),
                VectorProducts.dots(),
                VectorProducts.addingWeighted(),
                VectorProducts.addingShortDots(),
                NibbleDots.dots(),
                NibbleDots.quantizing()));
        functions.add(Bf16Tile.generate(8, 3, Write.ADD));
        functions.add(F32Tile.generate(16, 1, Write.SET));
        functions.add(Int8Tile.generate(4, 3, Write.ADD));
        functions.add(BlockColumns.generate(DType.Q8_0, DType.BF16, 1));
        functions.add(BlockColumns.generate(DType.Q4_0, DType.BF16, 0));
        functions.add(BlockColumns.generate(DType.Q4_0, DType.F32, 1));
        functions.add(Int8Blocks.quantizing());
        functions.add(Int8Blocks.splitting(DType.Q8_0));
        functions.add(Int8Blocks.splitting(DType.Q4_0));
        functions.addAll(List.of(Elements.sum(), Elements.cap(), Elements.adamWStep()));
        functions.addAll(List.of(GatedUnits.forward(), GatedUnits.backward(), Rotations.rotation()));
        functions.addAll(List.of(RowNorms.forward(), RowNorms.backward(Write.ADD), RowNorms.sumOfSquares()));
        functions.addAll(List.of(Widening.scaled(DType.BF16), Widening.onePlus(DType.F32)));
        for (Softcap softcap : Softcap.values()) {
            functions.addAll(List.of(
                    CrossEntropyPasses.sums(softcap),
                    CrossEntropyPasses.gradients(softcap),
                    SoftmaxPasses.capAndMax(softcap)));
            for (SoftmaxPasses.Form form : SoftmaxPasses.Form.values()) {
                functions.addAll(List.of(SoftmaxPasses.exponentials(form), SoftmaxPasses.gradients(softcap, form)));
            }
        }
        for (byte[] function : functions) {
            List<String> lines = Disassembler.lines(function, folder);
            assertThat(lines).doesNotContain("(bad)").allMatch(line -> !line.startsWith(".byte"));
            assertThat(lines.getLast()).isEqualTo("ret");
            assertThat(lines.stream().filter("ret"::equals)).hasSize(1);
            long pushed =
                    lines.stream().filter(line -> line.startsWith("push ")).count();
            assertThat(lines.stream().filter(line -> line.startsWith("pop "))).hasSize((int) pushed);
        }
    }

    /** The documentation without the margin of the comment. */
    private static String documentation() throws IOException {
        return Files.readString(SOURCES.resolve("package-info.java")).replaceAll("(?m)^ \\* ?", "");
    }

    @Test
    void theWorkedExampleQuotesTheSource() throws IOException {
        String source = Files.readString(SOURCES.resolve("Elements.java"));
        Matcher snippets =
                Pattern.compile("\\{@snippet :\\n(.*?)\\n}", Pattern.DOTALL).matcher(documentation());
        int found = 0;
        for (; snippets.find(); found++) {
            assertThat(source).contains(snippets.group(1));
        }
        assertThat(found).isEqualTo(2);
    }

    private static List<String> shownInstructions() throws IOException {
        return documentation()
                .split("<pre>")[1]
                .split("</pre>")[0]
                .lines()
                .map(line -> line.strip().replaceAll(" {2,}", "  "))
                .filter(line -> !line.isEmpty())
                .toList();
    }

    @Test
    void theWorkedExampleShowsBytesOfItsFunction() throws IOException {
        byte[] function = Elements.sum();
        for (String line : shownInstructions()) {
            String[] parts = line.split(": | {2}");
            int at = Integer.parseInt(parts[0], 16);
            byte[] shown = HexFormat.ofDelimiter(" ").parseHex(parts[1]);
            assertThat(Arrays.copyOfRange(function, at, at + shown.length))
                    .as(line)
                    .isEqualTo(shown);
        }
        assertThat(shownInstructions()).hasSizeGreaterThan(5);
    }

    @Test
    void theWorkedExampleIsDisassembledRightly(@TempDir Path folder) throws IOException {
        assertThat(Disassembler.withBytes(Elements.sum(), folder)).containsSequence(shownInstructions());
    }
}
