package dev.jemma.cli;

import dev.jemma.engine.Device;
import dev.jemma.engine.GemmaOptions;
import dev.jemma.engine.api.Arithmetic;
import dev.jemma.engine.api.WeightType;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** Where and how to compute. */
final class ComputeOptions {
    @Option(
            names = "--device",
            defaultValue = "auto",
            paramLabel = "auto|cpu|cuda[:N]",
            converter = DeviceConverter.class,
            description = "Where to compute (${DEFAULT-VALUE}).")
    private Device device;

    @Option(
            names = "--compute",
            defaultValue = "auto",
            paramLabel = "auto|f32|int8|bf16",
            converter = ComputeConverter.class,
            description =
                    "Arithmetic of products: f32 is the reference's, int8 differs from it with quantized weights only,"
                            + " auto is the fastest here (${DEFAULT-VALUE}).")
    private Optional<Arithmetic> compute = Optional.empty();

    @Option(
            names = "--weights",
            defaultValue = "auto",
            paramLabel = "auto|bf16|q8|q4",
            converter = WeightTypeConverter.class,
            description = "Form of the weights: auto is as stored; q8 has half of bf16's bytes, q4 less at some loss;"
                    + " converted once and kept in the cache folder (${DEFAULT-VALUE}).")
    private WeightType weights;

    @Option(
            names = "--threads",
            defaultValue = "0",
            paramLabel = "N",
            description = "Computing threads; 0 = one a processor.")
    private int threads;

    /** {@code auto}, {@code cpu}, {@code cuda}, {@code cuda:N}. */
    static final class DeviceConverter implements ITypeConverter<Device> {
        @Override
        public Device convert(String text) {
            try {
                return Device.parse(text);
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(e.getMessage());
            }
        }
    }

    /** {@code auto}, {@code f32}, {@code int8}, {@code bf16}. */
    static final class ComputeConverter implements ITypeConverter<Arithmetic> {
        @Override
        public @Nullable Arithmetic convert(String text) {
            if (text.equals("auto")) {
                return null; // picocli's way of an empty Optional
            }
            try {
                return Arithmetic.parse(text);
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException("compute is '" + text + "', wanted auto, f32, int8 or bf16");
            }
        }
    }

    /**
     * Refuses values that no command takes.
     *
     * @throws IllegalArgumentException naming the option
     */
    void check() {
        var _ = options();
    }

    /** {@code auto}, {@code bf16}, {@code q8}, {@code q4}. */
    static final class WeightTypeConverter implements ITypeConverter<WeightType> {
        @Override
        public WeightType convert(String text) {
            try {
                return WeightType.parse(text);
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(e.getMessage());
            }
        }
    }

    GemmaOptions options() {
        return GemmaOptions.DEFAULTS
                .with(device)
                .withCompute(compute)
                .with(weights)
                .withThreads(threads);
    }

    boolean wantsCuda() {
        return device.kind() == Device.Kind.CUDA;
    }
}
