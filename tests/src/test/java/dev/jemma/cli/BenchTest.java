package dev.jemma.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.jemma.tests.AutoCompute;
import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** What {@code bench} says of the bundled model; each of its tests warms up for three seconds. */
@AutoCompute
final class BenchTest {
    private static final String MODEL = "../cli/src/main/resources/dev/jemma/cli/demo/model";

    /** Four layers of 128, with 4 query heads and 2 key heads of 32, and 384 between gate and down. */
    private static final double LINEARS = 4 * (2 * 128 * 128 + 2 * 128 * 64 + 3 * 128 * 384);

    private static final double HEAD = 1257 * 128;
    private static final int TOKENS = 200;

    /** Half of the layers see 128 keys at most. Two products of 128 numbers a pair. */
    private static final double ATTENTION = 4 * 128 * (2 * (200 * 201 / 2) + 2 * (128 * 129 / 2 + 72 * 128));

    @Test
    void countsEveryProductOfPromptsAndSteps() {
        Ran ran = Ran.jemma(
                "bench",
                "--model",
                MODEL,
                List.of("-p", TOKENS, "-n", 0, "-r", 2),
                "--train",
                "--threads",
                1,
                "--json");
        assertThat(ran.status()).as(ran.err()).isZero();
        check(ran.json().get(0), "pp200", 2 * LINEARS + (ATTENTION + 2 * HEAD) / TOKENS);
        check(ran.json().get(1), "train200", 4 * LINEARS + 4 * HEAD / 5 + 3 * ATTENTION / TOKENS);
        assertThat(ran.json()).hasSize(2);
    }

    private static void check(JsonNode result, String test, double flopsPerToken) {
        assertThat(result.get("test").stringValue()).isEqualTo(test);
        double rate = result.get("tokens_per_second").doubleValue();
        assertThat(rate).isPositive();
        assertThat(result.get("first_tokens_per_second").doubleValue()).isPositive();
        assertThat(result.get("stdev").doubleValue()).isNotNegative();
        assertThat(result.get("flops_per_second").doubleValue() / rate).isCloseTo(flopsPerToken, within(1e-3));
    }
}
