package dev.jemma.cuda.internal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The search on machines made up of temporary folders. */
final class LibrarySearchTest {
    private static final int NO_DRIVER = 0;

    @TempDir
    Path machine;

    private HostSystem linux(Map<String, String> variables, String folders) {
        return new HostSystem(
                HostSystem.Family.LINUX, "Linux", variables, folders, machine.resolve("home"), machine.resolve("root"));
    }

    private static List<String> places(NativeLibrary library) {
        return library.attempts().stream().map(Attempt::place).toList();
    }

    @Test
    void triesNamedFoldersFirstThenToolkitsThenPipThenTheLoaderThenUsualPlaces() throws Exception {
        Path pip = Files.createDirectories(machine.resolve("venv/lib/python3.12/site-packages/nvidia/cu13/lib"));
        HostSystem host = linux(
                Map.of("CUDA_PATH", "" + machine.resolve("toolkit"), "VIRTUAL_ENV", "" + machine.resolve("venv")),
                machine.resolve("mine") + File.pathSeparator + machine.resolve("yours"));
        NativeLibrary library = Libraries.nvrtc(host, 13000);
        assertThat(library.path()).isEmpty();
        assertThat(places(library))
                .containsSubsequence(
                        "" + machine.resolve("mine"),
                        "" + machine.resolve("yours"),
                        "" + machine.resolve("toolkit/lib64"),
                        "" + pip,
                        "" + machine.resolve("home/.cache/jemma/cuda/nvidia"),
                        "libnvrtc.so.13",
                        "" + machine.resolve("root/usr/local/cuda/lib64"),
                        "" + machine.resolve("root/usr/lib/wsl/lib"),
                        "" + machine.resolve("root/usr/local/nvidia/lib64"));
    }

    @Test
    void olderPipFoldersAreSearchedToo() throws Exception {
        Path site = machine.resolve("conda/lib/python3.11/site-packages/nvidia");
        Files.createDirectories(site.resolve("cublas/lib"));
        Files.createDirectories(site.resolve("cuda_nvrtc/lib"));
        HostSystem host = linux(Map.of("CONDA_PREFIX", "" + machine.resolve("conda")), "");
        assertThat(places(Libraries.cublasLt(host, NO_DRIVER)))
                .contains("" + site.resolve("cublas/lib"), "" + site.resolve("cuda_nvrtc/lib"));
    }

    @Test
    void debiansOwnPythonInstallsBelowUsrLocal() throws Exception {
        Path site = machine.resolve("usr/local/lib/python3.11/dist-packages/nvidia/cu13/lib");
        Files.createDirectories(site);
        Path bin = Files.createDirectories(machine.resolve("usr/bin"));
        Files.writeString(bin.resolve("python3"), "");
        HostSystem host = linux(Map.of("PATH", "" + bin), "");
        assertThat(places(Libraries.nvrtc(host, NO_DRIVER))).contains("" + site.toRealPath());
    }

    @Test
    void aLibraryNewerThanTheDriverIsPassedOverAndSaysSo() throws Exception {
        Path folder = Files.createDirectories(machine.resolve("mine"));
        Files.writeString(folder.resolve("libnvrtc.so.13"), "");
        NativeLibrary library = Libraries.nvrtc(linux(Map.of(), folder.toString()), 12040);
        assertThat(library.attempts().subList(0, 2))
                .extracting(Attempt::toString)
                .containsExactly(
                        folder.resolve("libnvrtc.so.13")
                                + ": is newer than the driver, which supports CUDA 12.4: update the driver, or install the"
                                + " library for CUDA 12",
                        folder + ": holds no libnvrtc.so.12");
    }

    @Test
    void saysWhatAFolderLacks() throws Exception {
        Path folder = Files.createDirectories(machine.resolve("mine"));
        NativeLibrary library = Libraries.cublasLt(linux(Map.of(), folder.toString()), NO_DRIVER);
        assertThat(library.attempts().getFirst())
                .hasToString(folder + ": holds no libcublasLt.so.13 or libcublasLt.so.12");
    }

    @Test
    void saysThatAFolderDoesNotExist() {
        Path folder = machine.resolve("nowhere");
        assertThat(Libraries.driver(linux(Map.of(), folder.toString()))
                        .attempts()
                        .getFirst())
                .hasToString(folder + ": no such folder");
    }

    @Test
    void keepsTheSystemLoadersReason() throws Exception {
        assumeTrue(HostSystem.current().family() == HostSystem.Family.LINUX, "dlopen's words are Linux's");
        Path folder = Files.createDirectories(machine.resolve("mine"));
        Files.writeString(folder.resolve("libcuda.so.1"), "not a library");
        NativeLibrary library = Libraries.driver(linux(Map.of(), folder.toString()));
        assertThat(library.attempts().getFirst().toString())
                .startsWith(folder.resolve("libcuda.so.1") + ": ")
                .containsAnyOf("file too short", "invalid ELF header");
    }

    @Test
    void otherSystemsAreNamed() {
        HostSystem mac = new HostSystem(HostSystem.Family.OTHER, "Mac OS X", Map.of(), "", machine, machine);
        assertThat(Libraries.driver(mac).attempts())
                .singleElement()
                .hasToString("CUDA driver: NVIDIA makes CUDA for Linux and Windows; this is Mac OS X");
    }

    @Test
    void windowsNamesAndToolkitFolders() throws Exception {
        Files.createDirectories(machine.resolve("root/Program Files/NVIDIA GPU Computing Toolkit/CUDA/v13.0/bin/x64"));
        HostSystem windows = new HostSystem(
                HostSystem.Family.WINDOWS,
                "Windows 11",
                Map.of(),
                "",
                machine.resolve("home"),
                machine.resolve("root"));
        NativeLibrary library = Libraries.nvrtc(windows, NO_DRIVER);
        assertThat(places(library)).contains("nvrtc64_130_0.dll", "nvrtc64_120_0.dll");
        assertThat(library.attempts())
                .anySatisfy(attempt -> assertThat(attempt.toString())
                        .contains("v13.0")
                        .endsWith("holds no nvrtc64_130_0.dll or nvrtc64_120_0.dll"));
        assertThat(places(Libraries.driver(windows))).contains("nvcuda.dll");
    }

    @Test
    void aFunctionOfAMissingLibraryThrowsOnlyWhenCalled() {
        NativeLibrary missing = Libraries.driver(linux(Map.of(), ""));
        assumeTrue(missing.path().isEmpty(), "this machine has a driver");
        var handle = missing.function("cuInit", ValueLayout.JAVA_INT, ValueLayout.JAVA_INT);
        assertThatThrownBy(() -> {
                    int status = (int) handle.invokeExact(0);
                    throw new AssertionError("returned " + status);
                })
                .isInstanceOf(UnsupportedOperationException.class)
                .hasMessage("cuInit cannot be called: no CUDA driver was found");
    }
}
