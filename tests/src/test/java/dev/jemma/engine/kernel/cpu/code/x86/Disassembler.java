package dev.jemma.engine.kernel.cpu.code.x86;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Assumptions;

/** What code reads as, by binutils; a test that wants it is skipped where they are not installed. */
public final class Disassembler {
    private Disassembler() {}

    /** The instructions, in Intel's syntax. */
    public static List<String> lines(byte[] code, Path folder) throws IOException {
        return withBytes(code, folder).stream()
                .map(line -> line.replaceFirst("^[0-9a-f]+: (?:[0-9a-f]{2} )+ ", ""))
                .toList();
    }

    /** The instructions with their place and bytes in front: {@code b7: 62 f1 7c 48 58 c4  vaddps zmm0,zmm0,zmm4}. */
    public static List<String> withBytes(byte[] code, Path folder) throws IOException {
        Path file = Files.write(folder.resolve("code.bin"), code);
        Process process;
        try {
            process = new ProcessBuilder(
                            "objdump",
                            "-D",
                            "-z",
                            "-b",
                            "binary",
                            "-m",
                            "i386:x86-64",
                            "-M",
                            "intel",
                            "--insn-width=16",
                            file.toString())
                    .redirectErrorStream(true)
                    .start();
        } catch (IOException missing) {
            return Assumptions.abort("no objdump (binutils) to disassemble with");
        }
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.onExit().join().exitValue()).as(output).isZero();
        return output.lines()
                .filter(line -> line.matches("\\s+[0-9a-f]+:\\s.*"))
                .map(line -> line.strip()
                        .replaceAll("\\s+", " ")
                        .replaceFirst("^([0-9a-f]+:(?: [0-9a-f]{2})+) ", "$1  ")
                        .replace("{evex} ", "") // where a shorter encoding exists
                        .replaceAll("DWORD PTR (\\[.*])\\{1to16}", "DWORD BCST $1") // binutils before 2.39
                        .strip())
                .toList();
    }
}
