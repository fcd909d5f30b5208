package dev.jemma.cli;

import dev.jemma.engine.Compute;
import dev.jemma.engine.Device;
import dev.jemma.engine.GemmaOptions;
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
            paramLabel = "auto|f32|bf16",
            converter = ComputeConverter.class,
            description = "Arithmetic of products: f32 is the reference's, auto the fastest here (${DEFAULT-VALUE}).")
    private Compute compute;

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

    /** {@code auto}, {@code f32}, {@code bf16}. */
    static final class ComputeConverter implements ITypeConverter<Compute> {
        @Override
        public Compute convert(String text) {
            try {
                return Compute.parse(text);
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(e.getMessage());
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

    GemmaOptions options() {
        return GemmaOptions.DEFAULTS.with(device).with(compute).withThreads(threads);
    }

    boolean wantsCuda() {
        return device.kind() == Device.Kind.CUDA;
    }
}
