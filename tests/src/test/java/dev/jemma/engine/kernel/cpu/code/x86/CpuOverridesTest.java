package dev.jemma.engine.kernel.cpu.code.x86;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.engine.kernel.cpu.code.x86.CpuOverrides.Feature;
import dev.jemma.engine.kernel.cpu.code.x86.CpuOverrides.MachineCode;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class CpuOverridesTest {
    private static CpuOverrides of(Map<String, String> properties) {
        return CpuOverrides.of(name -> Optional.ofNullable(properties.get(name)));
    }

    @Test
    void withoutPropertiesNothingIsOverridden() {
        assertThat(of(Map.of())).isEqualTo(new CpuOverrides(MachineCode.ON, Set.of(), OptionalInt.empty()));
        assertThat(of(Map.of()).description()).isEmpty();
    }

    @Test
    void whatIsTakenAwayIsDescribedAsItWasGiven() {
        CpuOverrides overrides =
                of(Map.of("jemma.machineCode", "off", "jemma.cpuWithout", "vbmi,bf16", "jemma.vectorBits", "128"));
        assertThat(overrides.without()).containsExactlyInAnyOrder(Feature.BF16, Feature.VBMI);
        assertThat(overrides.description())
                .isEqualTo("-Djemma.machineCode=off -Djemma.cpuWithout=bf16,vbmi -Djemma.vectorBits=128");
    }

    @Test
    void whatBuildsOnAvx512GoesWithIt() {
        CpuOverrides overrides = of(Map.of("jemma.cpuWithout", "avx512"));
        assertThat(overrides.without()).containsExactlyInAnyOrder(Feature.values());
        assertThat(overrides.description()).isEqualTo("-Djemma.cpuWithout=avx512");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "jemma.machineCode|no|-Djemma.machineCode is 'no', wanted on or off",
                "jemma.cpuWithout|bf16,amx|-Djemma.cpuWithout is 'bf16,amx', wanted some of avx512,bf16,vnni,vbmi",
                "jemma.cpuWithout|''|-Djemma.cpuWithout is '', wanted some of avx512,bf16,vnni,vbmi",
                "jemma.vectorBits|192|-Djemma.vectorBits is '192', wanted 128, 256 or 512",
            })
    void aValueThatAPropertyDoesNotTakeIsRefused(String name, String value, String message) {
        assertThatThrownBy(() -> of(Map.of(name, value)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(message);
    }
}
