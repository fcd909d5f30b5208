package dev.jemma.engine.kernel.cpu.product;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.engine.api.Arithmetic;
import dev.jemma.engine.kernel.cpu.code.Bf16Dots;
import dev.jemma.engine.kernel.cpu.code.Bf16Panels;
import dev.jemma.engine.kernel.cpu.code.Bf16Tile;
import dev.jemma.engine.kernel.cpu.code.BlockDots;
import dev.jemma.engine.kernel.cpu.code.F32Tile;
import dev.jemma.engine.kernel.cpu.code.Int8Tile;
import dev.jemma.engine.kernel.cpu.code.NibbleDots;
import dev.jemma.engine.kernel.cpu.code.VectorProducts;
import dev.jemma.engine.kernel.cpu.code.x86.CpuFeatures;
import dev.jemma.engine.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The two tables in the Javadoc of {@link Products}, read from its source, against what is chosen: for every kind of
 * CPU, on this one.
 */
final class ProductsTest {
    private static final Path SOURCE =
            Path.of("../engine/src/main/java/dev/jemma/engine/kernel/cpu/product/Products.java");

    private static final String ANY = "*";
    private static final String FORWARD = "forward";
    private static final String BACKWARD = "backward";
    private static final long[] ROWS = {0, 1, 2, 4, 5, 512};
    private static final long[] INPUTS = {0, 31, 32, 64, 96, 128, 256, 4096, 4128, 4224};
    private static final long[] OUTPUTS = {0, 1, 3, 4, 7, 8, 12, 640};
    private static final long[] RANKS = {0, 1, 4, 8, 16, 24, 32};
    private static final List<DType> WEIGHTS =
            Arrays.stream(DType.values()).filter(DType::isWeight).toList();

    /** One line of a table: what each column wants, by the column's name. */
    private record Line(Map<String, String> cells) {
        boolean fits(Map<String, Object> question) {
            return question.entrySet().stream().allMatch(e -> fits(cell(e.getKey()), e.getValue()));
        }

        private static boolean fits(String wanted, Object seen) {
            if (wanted.equals(ANY)) {
                return true;
            }
            Stream<String> words = Arrays.stream(wanted.split(" "));
            return switch (seen) {
                case Long n -> words.allMatch(word -> holds(word, n));
                case Set<?> features -> words.allMatch(features::contains);
                default -> words.anyMatch(seen.toString()::equals);
            };
        }

        /** {@code %32}: a multiple, but not 0; {@code 1..4}, {@code 5..}, {@code ..4096}: a range. */
        private static boolean holds(String condition, long n) {
            if (condition.startsWith("%")) {
                return n > 0 && n % Long.parseLong(condition.substring(1)) == 0;
            }
            String[] ends = condition.split("\\.\\.", -1);
            return (ends[0].isEmpty() || n >= Long.parseLong(ends[0]))
                    && (ends[1].isEmpty() || n <= Long.parseLong(ends[1]));
        }

        private String cell(String column) {
            return Optional.ofNullable(cells.get(column)).orElseThrow(() -> new AssertionError("no column " + column));
        }

        String path() {
            return cell("path");
        }
    }

    private static List<Line> table(int index) throws IOException {
        String block = Files.readString(SOURCE).split("<pre>")[index + 1].split("</pre>")[0];
        List<String[]> rows = block.lines()
                .map(line -> line.replaceFirst("^ \\* ?", "").strip())
                .filter(line -> !line.isEmpty())
                .map(line -> line.split(" {2,}"))
                .toList();
        List<Line> lines = new ArrayList<>();
        for (String[] row : rows.subList(1, rows.size())) {
            Map<String, String> cells = new TreeMap<>();
            for (int i = 0; i < row.length; i++) {
                cells.put(rows.getFirst()[i], row[i]);
            }
            assertThat(cells).as(String.join(" ", row)).hasSize(rows.getFirst().length);
            lines.add(new Line(cells));
        }
        return lines;
    }

    /** All that there can be: what is beyond AVX-512 comes with it only. */
    private static List<CpuFeatures> cpus() {
        List<CpuFeatures> cpus = new ArrayList<>();
        cpus.add(new CpuFeatures(false, false, false, false, "none", "no AVX-512"));
        for (int bits = 0; bits < 8; bits++) {
            cpus.add(new CpuFeatures(true, (bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, "some", ""));
        }
        return cpus;
    }

    private static Set<String> features(CpuFeatures cpu) {
        Set<String> names = new LinkedHashSet<>();
        Map.of("avx512", cpu.avx512(), "bf16", cpu.bf16(), "vnni", cpu.vnni(), "vbmi", cpu.vbmi())
                .forEach((name, there) -> {
                    if (there) {
                        names.add(name);
                    }
                });
        return names;
    }

    /** Asks the table and the code, and keeps which lines decided. */
    private static void compare(List<Line> table, Map<String, Object> question, Enum<?> chosen, Set<Line> decisive) {
        Line first =
                table.stream().filter(line -> line.fits(question)).findFirst().orElseThrow();
        decisive.add(first);
        assertThat(chosen.name()).as(question::toString).isEqualTo(first.path());
    }

    @Test
    void linearMapsTakeThePathOfTheTableOnEveryCpu() throws IOException {
        List<Line> table = table(0);
        Set<Line> decisive = new LinkedHashSet<>();
        for (CpuFeatures cpu : cpus()) {
            Set<String> features = features(cpu);
            for (Arithmetic arithmetic : Arithmetic.values()) {
                for (DType weight : WEIGHTS) {
                    for (long n : ROWS) {
                        for (long inputs : INPUTS) {
                            for (long outputs : OUTPUTS) {
                                Map<String, Object> shapes =
                                        Map.of("N", Math.max(1, n), "I", inputs, "O", outputs, "weight", weight);
                                Map<String, Object> question = new TreeMap<>(shapes);
                                question.put("arithmetic", arithmetic);
                                question.put("CPU", features);
                                question.put("map", FORWARD);
                                compare(
                                        table,
                                        question,
                                        LinearPath.forward(n, weight, inputs, outputs, arithmetic, cpu),
                                        decisive);
                                question.put("map", BACKWARD);
                                compare(table, question, LinearPath.backward(arithmetic, cpu), decisive);
                            }
                        }
                    }
                }
            }
        }
        assertThat(decisive).as("lines that decide").containsExactlyInAnyOrderElementsOf(table);
        assertThat(table.stream().map(Line::path).distinct())
                .containsExactlyInAnyOrderElementsOf(names(LinearPath.values()));
    }

    @Test
    void lowRankMapsTakeThePathOfTheTableOnEveryCpu() throws IOException {
        List<Line> table = table(1);
        Set<Line> decisive = new LinkedHashSet<>();
        for (CpuFeatures cpu : cpus()) {
            Set<String> features = features(cpu);
            for (long n : ROWS) {
                for (long inputs : INPUTS) {
                    for (long rank : RANKS) {
                        for (long outputs : OUTPUTS) {
                            Map<String, Object> question =
                                    new TreeMap<>(Map.of("N", Math.max(1, n), "I", inputs, "r", rank, "O", outputs));
                            question.put("CPU", features);
                            question.put("map", FORWARD);
                            compare(table, question, LowRankPath.forward(n, inputs, rank, outputs, cpu), decisive);
                            question.put("map", BACKWARD);
                            compare(table, question, LowRankPath.backward(cpu), decisive);
                        }
                    }
                }
            }
        }
        assertThat(decisive).as("lines that decide").containsExactlyInAnyOrderElementsOf(table);
        assertThat(table.stream().map(Line::path).distinct())
                .containsExactlyInAnyOrderElementsOf(names(LowRankPath.values()));
    }

    private static List<String> names(Enum<?>[] constants) {
        return Arrays.stream(constants).map(Enum::name).toList();
    }

    @Test
    void thisMachineHasTheCodeOfEveryPathThatIsChosenForIt() {
        CpuFeatures cpu = CpuFeatures.ofThisMachine();
        for (Arithmetic arithmetic : Arithmetic.values()) {
            for (DType weight : WEIGHTS) {
                for (long n : ROWS) {
                    LinearPath path = LinearPath.forward(n, weight, 640, 640, arithmetic, cpu);
                    assertThat(hasCode(path, weight))
                            .as("%s, %s, %s", path, weight, arithmetic)
                            .isTrue();
                }
            }
            assertThat(hasCode(LinearPath.backward(arithmetic, cpu), DType.BF16))
                    .isTrue();
        }
        for (long n : ROWS) {
            assertThat(hasCode(LowRankPath.forward(n, 640, 16, 640, cpu))).isTrue();
        }
        assertThat(hasCode(LowRankPath.backward(cpu))).isTrue();
    }

    private static boolean hasCode(LinearPath path, DType weight) {
        return switch (path) {
            case CODE_GEMV ->
                switch (weight) {
                    case BF16 -> Bf16Dots.available();
                    case Q8_0 -> BlockDots.available();
                    case Q4_0 -> NibbleDots.available();
                    case F32, F16, I32, I64 -> false;
                };
            case INT8_PANELS -> Int8Tile.available() && Bf16Panels.available();
            case BF16_PANELS -> Bf16Tile.available() && Bf16Panels.available();
            case F32_PANELS -> F32Tile.available() && Bf16Panels.available();
            case GEMV, ROUNDED_GEMM, GEMM -> true;
        };
    }

    private static boolean hasCode(LowRankPath path) {
        return switch (path) {
            case THIN_GEMV -> VectorProducts.available();
            case THIN_GEMM -> F32Tile.available() && Bf16Panels.available();
            case GEMV, GEMM -> true;
        };
    }
}
