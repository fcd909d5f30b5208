package dev.jemma.cuda.internal;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The search for one library: every folder and name tried is written down with its outcome.
 *
 * @param host the machine
 * @param title the library in words
 * @param names file names, best first
 * @param companions pattern of files in the same folder that must be loaded before it; empty if there are none
 */
record LibrarySearch(HostSystem host, String title, List<String> names, String companions) {

    /**
     * The driver: folders that the user named, the system loader, then the usual places. Toolkits hold only a stub of
     * it.
     */
    NativeLibrary driver() {
        SearchPath path = new SearchPath(host);
        return search(path.named(), path.last(), Map.of());
    }

    /**
     * A library of the toolkit.
     *
     * @param refused other names it may lie under, with the reason why those files are not taken
     */
    NativeLibrary runtime(Map<String, String> refused) {
        SearchPath path = new SearchPath(host);
        return search(path.first(), path.last(), refused);
    }

    private NativeLibrary search(List<Path> before, List<Path> after, Map<String, String> refused) {
        List<Attempt> attempts = new ArrayList<>();
        if (host.family() == HostSystem.Family.OTHER) {
            attempts.add(new Attempt(title, "NVIDIA makes CUDA for Linux and Windows; this is " + host.name()));
            return NativeLibrary.missing(title, attempts);
        }
        for (Path folder : before) {
            Optional<NativeLibrary> library = inFolder(folder, refused, attempts);
            if (library.isPresent()) {
                return library.get();
            }
        }
        for (String name : names) {
            Optional<NativeLibrary> library = open(name, attempts);
            if (library.isPresent()) {
                return library.get();
            }
        }
        for (Path folder : after) {
            Optional<NativeLibrary> library = inFolder(folder, refused, attempts);
            if (library.isPresent()) {
                return library.get();
            }
        }
        return NativeLibrary.missing(title, attempts);
    }

    private Optional<NativeLibrary> inFolder(Path folder, Map<String, String> refused, List<Attempt> attempts) {
        if (!Files.isDirectory(folder)) {
            attempts.add(new Attempt(folder.toString(), "no such folder"));
            return Optional.empty();
        }
        refused.forEach((name, reason) -> {
            if (Files.exists(folder.resolve(name))) {
                attempts.add(new Attempt(folder.resolve(name).toString(), reason));
            }
        });
        List<Path> files =
                names.stream().map(folder::resolve).filter(Files::exists).toList();
        if (files.isEmpty()) {
            attempts.add(new Attempt(folder.toString(), "holds no " + String.join(" or ", names)));
            return Optional.empty();
        }
        openCompanions(folder);
        for (Path file : files) {
            Optional<NativeLibrary> library = open(file.toString(), attempts);
            if (library.isPresent()) {
                return library;
            }
        }
        return Optional.empty();
    }

    private Optional<NativeLibrary> open(String file, List<Attempt> attempts) {
        return switch (DynamicLoader.open(file)) {
            case DynamicLoader.Opened(var symbols) -> {
                attempts.add(new Attempt(file, "loaded"));
                yield Optional.of(NativeLibrary.found(title, file, symbols, attempts));
            }
            case DynamicLoader.Refused(String reason) -> {
                attempts.add(new Attempt(file, withoutPrefix(reason, file)));
                yield Optional.empty();
            }
        };
    }

    /** The loader starts its reasons with the file's name, which stands before the reason already. */
    private static String withoutPrefix(String reason, String file) {
        return reason.startsWith(file + ": ") ? reason.substring(file.length() + 2) : reason;
    }

    private void openCompanions(Path folder) {
        if (companions.isEmpty()) {
            return;
        }
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, companions)) {
            for (Path file : files) {
                // a companion that cannot be loaded shows when the library itself is opened or used
                DynamicLoader.open(file.toString());
            }
        } catch (IOException e) {
            return;
        }
    }
}
