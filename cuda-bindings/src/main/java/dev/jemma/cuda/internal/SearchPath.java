package dev.jemma.cuda.internal;

import java.io.File;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The folders in which NVIDIA's libraries lie, in the order in which they are tried: what the user named,
 * {@code CUDA_PATH} and {@code CUDA_HOME}, pip's {@code nvidia} folders of the active environment, Jemma's cache, then
 * (by bare name) the system loader, then the usual places. pip's layout: {@code nvidia/cu13/lib} since CUDA 13,
 * {@code nvidia/<package>/lib} before. Names and places agree with NVIDIA's cuda-pathfinder.
 */
final class SearchPath {
    private final HostSystem host;

    SearchPath(HostSystem host) {
        this.host = host;
    }

    /** Folders tried before the system loader; those that the user named are kept even if they do not exist. */
    List<Path> first() {
        Set<Path> folders = new LinkedHashSet<>(named());
        for (String variable : List.of("CUDA_PATH", "CUDA_HOME")) {
            host.variable(variable).flatMap(SearchPath::path).ifPresent(toolkit -> folders.addAll(toolkit(toolkit)));
        }
        for (Path site : sitePackages()) {
            folders.addAll(pip(site));
        }
        host.variable("CONDA_PREFIX").flatMap(SearchPath::path).ifPresent(prefix -> folders.add(libraries(prefix)));
        folders.addAll(pip(host.cacheFolder()));
        return List.copyOf(folders);
    }

    /** Folders tried after the system loader. */
    List<Path> last() {
        Set<Path> folders = new LinkedHashSet<>();
        if (host.windows()) {
            for (Path toolkit :
                    children(host.root().resolve("Program Files/NVIDIA GPU Computing Toolkit/CUDA"), "v*")) {
                folders.addAll(toolkit(toolkit));
            }
            folders.add(host.root().resolve("Windows/System32"));
            return List.copyOf(folders);
        }
        Path local = host.root().resolve("usr/local");
        folders.add(local.resolve("cuda/lib64"));
        for (Path toolkit : children(local, "cuda-*")) {
            folders.add(toolkit.resolve("lib64"));
        }
        for (String folder : List.of(
                "usr/lib/x86_64-linux-gnu",
                "usr/lib/aarch64-linux-gnu",
                "usr/lib64",
                "usr/lib/wsl/lib",
                "usr/local/nvidia/lib64",
                "usr/local/nvidia/lib",
                "opt/cuda/lib64")) {
            folders.add(host.root().resolve(folder));
        }
        return List.copyOf(folders);
    }

    /** The folders of {@code jemma.cuda.lib.dir} alone. */
    List<Path> named() {
        List<Path> folders = new ArrayList<>();
        for (String folder : host.libraryFolders().split(File.pathSeparator)) {
            if (!folder.isBlank()) {
                path(folder).ifPresent(folders::add);
            }
        }
        return folders;
    }

    private List<Path> toolkit(Path folder) {
        return host.windows()
                ? List.of(folder.resolve("bin/x64"), folder.resolve("bin"))
                : List.of(
                        folder.resolve("lib64"),
                        folder.resolve("lib"),
                        folder.resolve("targets/x86_64-linux/lib"),
                        folder.resolve("targets/sbsa-linux/lib"));
    }

    private Path libraries(Path prefix) {
        return host.windows() ? prefix.resolve("Library/bin") : prefix.resolve("lib");
    }

    /**
     * Where pip puts NVIDIA's wheels inside a folder of packages: the folders that exist, or the one that would hold
     * them.
     */
    private List<Path> pip(Path packages) {
        Path nvidia = packages.resolve("nvidia");
        if (!Files.isDirectory(nvidia)) {
            return List.of(nvidia);
        }
        String library = host.windows() ? "bin" : "lib";
        List<Path> folders = new ArrayList<>();
        for (String name : List.of("cu13", "cu12", "cublas", "cuda_nvrtc")) {
            Path folder = nvidia.resolve(name).resolve(library);
            if (Files.isDirectory(folder.resolve("x86_64"))) {
                folders.add(folder.resolve("x86_64"));
            } else if (Files.isDirectory(folder)) {
                folders.add(folder);
            }
        }
        return folders;
    }

    /**
     * Package folders of the active Python: virtual environment, conda, the user's own, and the python3 of the PATH.
     */
    private List<Path> sitePackages() {
        Set<Path> prefixes = new LinkedHashSet<>();
        host.variable("VIRTUAL_ENV").flatMap(SearchPath::path).ifPresent(prefixes::add);
        host.variable("CONDA_PREFIX").flatMap(SearchPath::path).ifPresent(prefixes::add);
        prefixes.add(host.home().resolve(".local"));
        for (String folder : host.variable("PATH").orElse("").split(File.pathSeparator)) {
            path(folder)
                    .map(bin -> bin.resolve(host.windows() ? "python.exe" : "python3"))
                    .filter(Files::exists)
                    .ifPresent(python -> prefixes.add(prefixOf(python)));
        }
        Set<Path> sites = new LinkedHashSet<>();
        for (Path prefix : prefixes) {
            if (host.windows()) {
                sites.add(prefix.resolve("Lib/site-packages"));
                continue;
            }
            // Debian's own Python has pip install below /usr/local
            for (Path library : List.of(prefix.resolve("lib"), prefix.resolve("local/lib"))) {
                for (Path python : children(library, "python3*")) {
                    sites.add(python.resolve("site-packages"));
                    sites.add(python.resolve("dist-packages"));
                }
            }
        }
        return List.copyOf(sites);
    }

    /** A virtual environment's python3 is a link out of it, so the link is not followed. */
    private Path prefixOf(Path python) {
        Path bin = python.toAbsolutePath().getParent();
        if (bin == null) {
            return python.toAbsolutePath();
        }
        Path real = real(bin); // /bin is /usr/bin nowadays
        Path parent = real.getParent();
        return host.windows() || parent == null ? real : parent;
    }

    private static Path real(Path folder) {
        try {
            return folder.toRealPath();
        } catch (IOException e) {
            return folder;
        }
    }

    private static List<Path> children(Path folder, String glob) {
        List<Path> found = new ArrayList<>();
        if (Files.isDirectory(folder)) {
            try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, glob)) {
                entries.forEach(found::add);
            } catch (IOException e) {
                return List.of(); // a folder that cannot be read has nothing for us
            }
        }
        found.sort((a, b) -> b.compareTo(a)); // newest first
        return found;
    }

    private static Optional<Path> path(String text) {
        try {
            return text.isBlank() ? Optional.empty() : Optional.of(Path.of(text));
        } catch (InvalidPathException e) {
            return Optional.empty();
        }
    }
}
