package dev.jemma.cuda.internal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jemma.cuda.StandIn;
import java.io.IOException;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The bindings against NVIDIA's own headers, where a toolkit or NVIDIA's wheels are found
 * ({@code tests/scripts/fetch_nvrtc.sh}).
 */
final class HeadersTest {
    private static final List<Class<?>> DRIVER = List.of(
            DeviceFunctions.class,
            MemoryFunctions.class,
            StreamFunctions.class,
            GraphFunctions.class,
            ModuleFunctions.class);
    private static final List<Class<?>> BLAS = List.of(CublasLtFunctions.class, CublasFunctions.class);
    private static final Pattern DECLARATION = Pattern.compile("(.*?)(\\w+)\\((.*)\\)");

    @TempDir
    Path work;

    private static Stream<Method> bound(Class<?> functions) {
        return Arrays.stream(functions.getDeclaredMethods()).filter(m -> m.isAnnotationPresent(Prototype.class));
    }

    private static Stream<Method> all() {
        return Stream.of(DRIVER, List.<Class<?>>of(NvrtcFunctions.class), BLAS)
                .flatMap(List::stream)
                .flatMap(HeadersTest::bound);
    }

    private static String prototype(Method method) {
        return method.getAnnotation(Prototype.class).value();
    }

    @Test
    void thereAreAboutAHundredFunctionsEachUnderItsOwnName() {
        List<Method> methods = all().toList();
        assertThat(methods).hasSizeBetween(90, 130);
        assertThat(methods.stream().map(Method::getName)).doesNotHaveDuplicates();
        for (Method method : methods) {
            assertThat(prototype(method)).contains(method.getName() + "(");
        }
    }

    @Test
    void javaTypesFollowFromTheDeclarations() {
        for (Method method : all().toList()) {
            Matcher declaration = DECLARATION.matcher(prototype(method));
            assertThat(declaration.matches()).as(prototype(method)).isTrue();
            assertThat(fits(declaration.group(1), method.getReturnType()))
                    .as("result of " + prototype(method))
                    .isTrue();
            List<String> parameters = declaration.group(3).equals("void")
                    ? List.of()
                    : List.of(declaration.group(3).split(", "));
            assertThat(method.getParameterTypes()).as(prototype(method)).hasSize(parameters.size());
            for (int i = 0; i < parameters.size(); i++) {
                assertThat(fits(parameters.get(i), method.getParameterTypes()[i]))
                        .as("%s of %s is %s", parameters.get(i), method.getName(), method.getParameterTypes()[i])
                        .isTrue();
            }
        }
    }

    /**
     * A pointer to host memory is a segment; handles, sizes and device addresses are longs; all else is as wide as in
     * C.
     */
    private static boolean fits(String declaration, Class<?> java) {
        if (declaration.contains("*")) {
            return !java.isPrimitive() || (java == long.class && declaration.matches("(const )?void \\*\\w+"));
        }
        String type = declaration.replaceFirst(" \\w+$", "").strip();
        if (type.matches(
                "size_t|u?int64_t|(unsigned )?long long( int)?|CU(deviceptr|context|stream|event|module|function|graph|graphExec|library|kernel|memoryPool)"
                        + "|cublas\\w*(Handle|Desc|Layout|Preference)_t|nvrtcProgram|cudaStream_t")) {
            return java == long.class;
        }
        return switch (type) {
            case "unsigned char" -> java == byte.class;
            case "unsigned short" -> java == short.class;
            default -> java == int.class;
        };
    }

    @Test
    void driverAndNvrtcAgreeWithTheHeaders() throws Exception {
        List<Path> include = include("cuda.h", "nvrtc.h");
        StringBuilder program = new StringBuilder("#include <cuda.h>\n#include <nvrtc.h>\n#include <cstddef>\n");
        declare(program, DRIVER);
        declare(program, List.of(NvrtcFunctions.class));
        constants(program, DriverConstants.class);
        constants(program, NvrtcConstants.class);
        for (Field field : CudaStructs.class.getDeclaredFields()) {
            if (field.get(null) instanceof StructLayout struct
                    && struct.name().orElseThrow().startsWith("CU")) {
                struct(program, struct);
            }
        }
        compiles(program.toString(), include);
    }

    @Test
    void aWrongPrototypeNameConstantOrSizeIsRefused() throws Exception {
        List<Path> include = include("cuda.h");
        String header = "#include <cuda.h>\n#include <cstddef>\n";
        Method alloc = MemoryFunctions.class.getDeclaredMethod("cuMemAlloc_v2", MemorySegment.class, long.class);
        compiles(header + declared(alloc.getName(), prototype(alloc)), include);
        refused(
                header + declared(alloc.getName(), "CUresult cuMemAlloc_v2(CUdeviceptr *dptr, unsigned int bytesize)"),
                "conflicting declaration",
                include);
        refused(
                header + declared("cuMemAlloc_v9", "CUresult cuMemAlloc_v9(CUdeviceptr *dptr, size_t bytesize)"),
                "cuMemAlloc_v9",
                include);
        refused(header + constant("CUDA_ERROR_NOT_READY", 601), "CUDA_ERROR_NOT_READY", include);
        StringBuilder layout = new StringBuilder(header);
        struct(
                layout,
                MemoryLayout.structLayout(ValueLayout.JAVA_INT.withName("result"))
                        .withName("CUlaunchConfig"));
        refused(layout.toString(), "size of CUlaunchConfig", include);
    }

    private void refused(String program, String reason, List<Path> include) {
        assertThatThrownBy(() -> compiles(program, include))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining(reason);
    }

    @Test
    void cublasAgreesWithTheHeaders() throws Exception {
        List<Path> include = include("cuda.h", "cublasLt.h", "cublas_v2.h", "driver_types.h");
        StringBuilder program =
                new StringBuilder("#include <cublasLt.h>\n#include <cublas_v2.h>\n#include <cstddef>\n");
        declare(program, BLAS);
        constants(program, CublasConstants.class);
        struct(program, CudaStructs.CUBLAS_LT_MATMUL_HEURISTIC_RESULT);
        compiles(program.toString(), include);
    }

    @Test
    void theStandInHasTheAbiOfTheHeaders() throws Exception {
        List<Path> include = include("cuda.h", "nvrtc.h", "cublasLt.h", "driver_types.h");
        for (String unit : List.of("driver.cpp", "memory.cpp", "streams.cpp", "cublas.cpp", "nvrtc.cpp")) {
            check(StandIn.SOURCES.resolve(unit), include, "-DSTANDIN_REAL_HEADERS", "-I" + StandIn.SOURCES);
        }
    }

    private static void declare(StringBuilder program, List<Class<?>> functions) {
        functions.stream()
                .flatMap(HeadersTest::bound)
                .forEach(m -> program.append(declared(m.getName(), prototype(m))));
    }

    /** An error if the headers have no such function, or another one of the name. */
    private static String declared(String name, String prototype) {
        return "namespace known { using ::%s; }\nextern \"C\" { %s; }\n".formatted(name, prototype);
    }

    private static String constant(String name, int value) {
        return "static_assert((int)%s == %d, \"%s\");\n".formatted(name, value, name);
    }

    private static void constants(StringBuilder program, Class<?> constants) throws IllegalAccessException {
        for (Field field : constants.getDeclaredFields()) {
            program.append(constant(field.getName(), field.getInt(null)));
        }
    }

    private static void struct(StringBuilder program, StructLayout struct) {
        String name = struct.name().orElseThrow();
        program.append("static_assert(sizeof(%s) == %d, \"size of %s\");\n".formatted(name, struct.byteSize(), name));
        for (MemoryLayout member : struct.memberLayouts()) {
            member.name()
                    .ifPresent(field -> program.append("static_assert(offsetof(%s, %s) == %d, \"%s.%s\");\n"
                            .formatted(name, field, CudaStructs.offset(struct, field), name, field)));
        }
    }

    /** The folders that hold all of {@code headers}; skips the test where there are none. */
    private static List<Path> include(String... headers) {
        SearchPath search = new SearchPath(HostSystem.current());
        List<Path> folders = new ArrayList<>(search.first());
        folders.addAll(search.last());
        Optional<Path> found = folders.stream()
                .map(folder -> folder.resolveSibling("include"))
                .filter(folder -> Arrays.stream(headers).allMatch(header -> Files.exists(folder.resolve(header))))
                .findFirst();
        assumeTrue(
                found.isPresent(),
                "no folder holds " + String.join(", ", headers)
                        + ": install a CUDA toolkit or run tests/scripts/fetch_nvrtc.sh");
        return List.of(found.get());
    }

    private void compiles(String program, List<Path> include) throws IOException {
        Path file = Files.writeString(work.resolve("check.cpp"), program);
        check(file, include);
    }

    /** NVIDIA splits its headers over wheels; what is included and not wanted here is given in short. */
    private void check(Path file, List<Path> include, String... options) throws IOException {
        Path small = Files.createDirectories(work.resolve("small"));
        Files.writeString(small.resolve("cuda_fp16.h"), "#pragma once\nstruct __half {};\n");
        Files.writeString(small.resolve("cuda_bf16.h"), "#pragma once\nstruct __nv_bfloat16 {};\n");
        Path rest = Files.createDirectories(work.resolve("rest"));
        Files.writeString(Files.createDirectories(rest.resolve("crt")).resolve("host_defines.h"), """
                #pragma once
                #define __device_builtin__
                #define __cudart_builtin__
                #define __builtin_align__(n) __attribute__((aligned(n)))
                #define __align__(n) __attribute__((aligned(n)))
                #define __host__
                #define __device__
                #define __device_builtin_texture_type__
                #define __device_builtin_surface_type__
                #define CUDARTAPI
                """);
        List<String> command = new ArrayList<>(List.of("g++", "-std=c++17", "-fsyntax-only", "-w", "-I" + small));
        include.forEach(folder -> command.add("-I" + folder));
        command.add("-I" + rest);
        command.addAll(List.of(options));
        command.add(file.toString());
        StandIn.run(command);
    }
}
