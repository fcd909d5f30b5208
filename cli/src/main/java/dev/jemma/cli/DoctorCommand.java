package dev.jemma.cli;

import dev.jemma.cuda.Cuda;
import dev.jemma.cuda.CudaDevice;
import dev.jemma.cuda.LibraryReport;
import dev.jemma.engine.Device;
import dev.jemma.engine.Gemma;
import dev.jemma.engine.MemoryBandwidth;
import dev.jemma.engine.io.CacheFolder;
import java.io.IOException;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

@Command(
        name = "doctor",
        description = "What this machine offers Jemma, what is missing, and what to do about it.",
        mixinStandardHelpOptions = true)
final class DoctorCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private ComputeOptions compute;

    @Option(names = "--json", description = "Print {\"checks\":[{\"name\",\"status\",\"found\",\"hint\"}]}.")
    private boolean json;

    private enum Status {
        PASS,
        WARN,
        FAIL
    }

    /** Puts further lines under what was found. */
    private static final String INDENT = " ".repeat(19);

    private record Check(String name, Status status, String found, String hint) {
        static Check pass(String name, String found) {
            return new Check(name, Status.PASS, found, "");
        }
    }

    @Override
    public Integer call() {
        List<Check> checks = new ArrayList<>();
        checks.add(Check.pass("jdk", System.getProperty("java.vendor") + " " + Runtime.version()));
        checks.add(processor());
        checks.add(memory());
        checks.add(bandwidth());
        checks.add(cache());
        Cuda cuda = Cuda.probe();
        checks.add(devices(cuda));
        for (LibraryReport library : cuda.libraries()) {
            checks.add(library(library, cuda));
        }
        print(checks);
        return checks.stream().anyMatch(check -> check.status == Status.FAIL) ? 1 : 0;
    }

    private Check processor() {
        return Check.pass("cpu", Gemma.describe(compute.options().with(Device.CPU)));
    }

    private static Check memory() {
        long bytes =
                ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean system
                        ? system.getTotalMemorySize()
                        : 0;
        String found = Texts.bytes(bytes);
        return bytes >= 4L << 30
                ? Check.pass("memory", found)
                : new Check(
                        "memory",
                        Status.WARN,
                        found,
                        "Gemma 3 270M needs 1 GiB to run and 2.5 GiB to train, Gemma 2 2B 6 GiB and 8 GiB");
    }

    /** What decoding is limited by: every token reads all weights. */
    private Check bandwidth() {
        double rate = MemoryBandwidth.measure(compute.options());
        return Check.pass("bandwidth", String.format(Locale.ROOT, "%.1f GB/s read from memory", rate / 1e9));
    }

    private static Check cache() {
        Path folder = CacheFolder.path();
        try {
            Files.createDirectories(folder);
            return Files.isWritable(folder)
                    ? Check.pass("cache", folder.toString())
                    : new Check(
                            "cache",
                            Status.WARN,
                            folder + " is not writable",
                            "set XDG_CACHE_HOME to a folder that is; without it every start parses the tokenizer anew");
        } catch (IOException e) {
            return new Check(
                    "cache", Status.WARN, folder + ": " + e.getMessage(), "set XDG_CACHE_HOME to a writable folder");
        }
    }

    /** Missing CUDA is a failure only for somebody who asked for it. */
    private Status missing() {
        return compute.wantsCuda() ? Status.FAIL : Status.WARN;
    }

    private Check devices(Cuda cuda) {
        return switch (cuda) {
            case Cuda.Available available -> {
                List<String> devices =
                        available.devices().stream().map(CudaDevice::toString).toList();
                String found = "CUDA " + available.driver() + ": " + String.join("; ", devices);
                int wanted = compute.options().device().index();
                yield compute.wantsCuda() && wanted >= available.devices().size()
                        ? new Check("cuda", Status.FAIL, found, "there is no cuda:" + wanted)
                        : Check.pass("cuda", found);
            }
            case Cuda.Unavailable unavailable -> new Check("cuda", missing(), unavailable.reason(), unavailable.cure());
        };
    }

    private Check library(LibraryReport library, Cuda cuda) {
        if (library.found()) {
            String version = library.version().map(number -> number + ", ").orElse("");
            return Check.pass(library.library(), version + library.path().orElse(""));
        }
        String tried = "not found; tried\n" + String.join("\n", library.tried());
        String hint = cuda instanceof Cuda.Unavailable
                ? ""
                : "without it the CUDA backend cannot run; pip install nvidia-cublas nvidia-cuda-nvrtc, or install the CUDA toolkit";
        return new Check(library.library(), missing(), tried, hint);
    }

    private void print(List<Check> checks) {
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            ObjectNode root = JsonNodeFactory.instance.objectNode();
            ArrayNode list = root.putArray("checks");
            for (Check check : checks) {
                list.addObject()
                        .put("name", check.name)
                        .put("status", check.status.name())
                        .put("found", check.found)
                        .put("hint", check.hint);
            }
            out.println(root.toPrettyString());
            return;
        }
        for (Check check : checks) {
            out.printf("%-4s  %-11s  %s%n", check.status, check.name, check.found.replace("\n", "\n" + INDENT));
            if (!check.hint.isEmpty()) {
                out.println(INDENT + "-> " + check.hint);
            }
        }
    }
}
