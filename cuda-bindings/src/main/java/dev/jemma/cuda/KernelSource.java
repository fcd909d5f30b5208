package dev.jemma.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * CUDA C++ text to compile, whole: NVRTC finds no headers of its own, so what is included is given here.
 *
 * @param name the file name in messages
 * @param text the program; kernels are {@code extern "C" __global__}
 * @param headers texts by the names they are included by
 * @param options options of the compiler besides the target, in order: {@code -DHEAD_DIM=256}
 * @param spills whether registers that spill to memory are an error
 */
public record KernelSource(String name, String text, Map<String, String> headers, List<String> options, Spills spills) {
    /** What to do about a kernel whose registers do not fit. */
    public enum Spills {
        /** Compile it; the usage is in {@link KernelUsage}. */
        ALLOWED,
        /** Fail, naming the kernels and the bytes. */
        REFUSED
    }

    /** Copies the collections. */
    public KernelSource {
        headers = Collections.unmodifiableMap(new TreeMap<>(headers)); // sorted: the order is part of the cache's key
        options = List.copyOf(options);
    }

    /** A program without headers or options. */
    public static KernelSource of(String name, String text) {
        return new KernelSource(name, text, Map.of(), List.of(), Spills.ALLOWED);
    }

    /**
     * A program among the resources of {@code owner}. In a named module the package of the resource must be open to
     * {@code dev.jemma.cuda}; else read the text there and use {@link #of}.
     *
     * @throws IllegalArgumentException if there is no such resource
     */
    public static KernelSource resource(Class<?> owner, String resource) {
        return of(resource.substring(resource.lastIndexOf('/') + 1), read(owner, resource));
    }

    /**
     * With this module's {@code intrinsics.cuh}: bf16 and f16 conversions, {@code mma.sync}, {@code ldmatrix},
     * {@code cp.async}.
     */
    public KernelSource withIntrinsics() {
        return withHeader(KernelSource.class, "intrinsics.cuh");
    }

    /** With one more header, from the resources of {@code owner}; it is included by its plain file name. */
    public KernelSource withHeader(Class<?> owner, String resource) {
        return withHeader(resource.substring(resource.lastIndexOf('/') + 1), read(owner, resource));
    }

    /** With one more header. */
    public KernelSource withHeader(String included, String content) {
        Map<String, String> more = new TreeMap<>(headers);
        more.put(included, content);
        return new KernelSource(name, text, more, options, spills);
    }

    /** With a macro: {@code define("HEAD_DIM", 256)}. */
    public KernelSource define(String macro, Object value) {
        return withOption("-D" + macro + "=" + value);
    }

    /** With one more option. */
    public KernelSource withOption(String option) {
        List<String> more = new ArrayList<>(options);
        more.add(option);
        return new KernelSource(name, text, headers, more, spills);
    }

    /** With this rule for spills. */
    public KernelSource with(Spills rule) {
        return new KernelSource(name, text, headers, options, rule);
    }

    private static String read(Class<?> owner, String resource) {
        try (InputStream in = owner.getResourceAsStream(resource)) {
            if (in == null) {
                throw new IllegalArgumentException("no resource '" + resource + "' beside " + owner.getName()
                        + ": is it packed with the classes, and its package open to dev.jemma.cuda?");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
