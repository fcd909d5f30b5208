package dev.jemma.engine.kernel.cpu.code.x86;

import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V128;
import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V256;
import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V512;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.engine.kernel.cpu.code.x86.Assembler.Comparison;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the encoder writes, read back by binutils where it is installed. */
final class AssemblerTest {
    private record Line(Consumer<Assembler> instruction, String disassembled) {}

    private static final List<Line> LINES = List.of(
            line(x -> x.mov(Gp.RAX, Gp.R15), "mov rax,r15"),
            line(x -> x.mov(Gp.R13, Address.at(Gp.RSP, 56)), "mov r13,QWORD PTR [rsp+0x38]"),
            line(x -> x.mov(Gp.RAX, Address.at(Gp.R13)), "mov rax,QWORD PTR [r13+0x0]"),
            line(x -> x.movStore32(Address.at(Gp.RDI, 12), Gp.RDX), "mov DWORD PTR [rdi+0xc],edx"),
            line(x -> x.lea(Gp.R10, Address.at(Gp.R9, Gp.R9, 2, 0)), "lea r10,[r9+r9*2]"),
            line(x -> x.lea(Gp.RDI, Address.at(Gp.RAX, Gp.RSI, 8, -4)), "lea rdi,[rax+rsi*8-0x4]"),
            line(x -> x.lea(Gp.R12, Address.at(Gp.R12, 4096)), "lea r12,[r12+0x1000]"),
            line(x -> x.add(Gp.R11, 64), "add r11,0x40"),
            line(x -> x.add(Gp.RDI, Gp.R13), "add rdi,r13"),
            line(x -> x.shiftRight(Gp.R8, 16), "shr r8,0x10"),
            line(x -> x.decrement(Gp.RCX), "dec rcx"),
            line(x -> x.push(Gp.R12), "push r12"),
            line(x -> x.pop(Gp.RBX), "pop rbx"),
            line(Assembler::cpuid, "cpuid"),
            line(Assembler::xgetbv, "xgetbv"),
            line(Assembler::vzeroupper, "vzeroupper"),
            line(Assembler::ret, "ret"),
            line(x -> x.kmovw(1, Gp.RAX), "kmovw k1,eax"),
            line(x -> x.kmovw(7, Gp.R8), "kmovw k7,r8d"),
            line(x -> x.mov(Gp.RCX, 0x0123456789ABCDEFL), "movabs rcx,0x123456789abcdef"),
            line(x -> x.movStore(Address.at(Gp.RSP, -8), Gp.RAX), "mov QWORD PTR [rsp-0x8],rax"),
            line(x -> x.kmovq(2, Gp.RAX), "kmovq k2,rax"),
            line(x -> x.kmovq(3, Gp.R9), "kmovq k3,r9"),
            line(x -> x.prefetch(Address.at(Gp.R12, 448)), "prefetcht1 BYTE PTR [r12+0x1c0]"),
            line(x -> x.prefetchFirst(Address.at(Gp.RDI, 4096)), "prefetcht0 BYTE PTR [rdi+0x1000]"),
            line(x -> x.vectorWhere(1, Evex.VPERMB, V512, 20, 30, 16), "vpermb zmm20{k1},zmm30,zmm16"),
            line(
                    x -> x.vector(Evex.VPBROADCASTQ, V512, 20, Address.at(Gp.RDI, Gp.RSI, 2, 64)),
                    "vpbroadcastq zmm20,QWORD PTR [rdi+rsi*2+0x40]"),
            line(x -> x.vector(Evex.VPACKSSDW, V512, 4, 4, 5), "vpackssdw zmm4,zmm4,zmm5"),
            line(x -> x.vector(Evex.VPMADDWD, V512, 4, 4, 28), "vpmaddwd zmm4,zmm4,zmm28"),
            line(x -> x.vector(Evex.VMOVSS_STORE, V128, 17, Address.at(Gp.R8, 4)), "vmovss DWORD PTR [r8+0x4],xmm17"),
            line(x -> x.vector(Evex.VDPBF16PS, V512, 5, 17, 30), "vdpbf16ps zmm5,zmm17,zmm30"),
            line(x -> x.vector(Evex.VDPBF16PS, V512, 31, 8, 9), "vdpbf16ps zmm31,zmm8,zmm9"),
            line(x -> x.vector(Evex.VPDPBUSD, V256, 20, 24, 16), "vpdpbusd ymm20,ymm24,ymm16"),
            line(
                    x -> x.vector(Evex.VMOVUPS, V512, 26, Address.at(Gp.RDX, 128)),
                    "vmovups zmm26,ZMMWORD PTR [rdx+0x80]"),
            line(x -> x.vector(Evex.VMOVUPS, V512, 1, Address.at(Gp.RDX, 100)), "vmovups zmm1,ZMMWORD PTR [rdx+0x64]"),
            line(
                    x -> x.vector(Evex.VMOVUPS_STORE, V512, 23, 0, Address.at(Gp.R11, Gp.R9, 4, 64), 1),
                    "vmovups ZMMWORD PTR [r11+r9*4+0x40]{k1},zmm23"),
            line(
                    x -> x.vectorOrZero(Evex.VMOVUPS, V512, 24, Address.at(Gp.RDX), 1),
                    "vmovups zmm24{k1}{z},ZMMWORD PTR [rdx]"),
            line(
                    x -> x.vectorOrZero(Evex.VPMOVZXWD, V512, 0, Address.at(Gp.RDI, Gp.RSI, 1, 0), 1),
                    "vpmovzxwd zmm0{k1}{z},YMMWORD PTR [rdi+rsi*1]"),
            line(
                    x -> x.vector(Evex.VADDPS, V512, 3, 3, Address.at(Gp.R8, 64), 1),
                    "vaddps zmm3{k1},zmm3,ZMMWORD PTR [r8+0x40]"),
            line(
                    x -> x.vectorBroadcast(Evex.VFMADD231PS, V512, 15, 24, Address.at(Gp.R12, Gp.RSI, 4, 0)),
                    "vfmadd231ps zmm15,zmm24,DWORD BCST [r12+rsi*4]"),
            line(
                    x -> x.vector(Evex.VPBROADCASTD, V512, 27, Address.at(Gp.RDI, Gp.R10, 2, 4)),
                    "vpbroadcastd zmm27,DWORD PTR [rdi+r10*2+0x4]"),
            line(x -> x.vector(Evex.VPBROADCASTW, V128, 28, Address.at(Gp.R11)), "vpbroadcastw xmm28,WORD PTR [r11]"),
            line(
                    x -> x.vector(Evex.VBROADCASTI32X4, V256, 25, Address.at(Gp.RDI, 2)),
                    "vbroadcasti32x4 ymm25,XMMWORD PTR [rdi+0x2]"),
            line(x -> x.vector(Evex.VCVTPH2PS, V256, 28, 28), "vcvtph2ps ymm28,xmm28"),
            line(x -> x.vector(Evex.VCVTDQ2PS, V512, 1, 17), "vcvtdq2ps zmm1,zmm17"),
            line(x -> x.vector(Evex.VCVTPS2DQ, V512, 1, 0), "vcvtps2dq zmm1,zmm0"),
            line(
                    x -> x.vector(Evex.VCVTNEPS2BF16, V512, 0, Address.at(Gp.RDI)),
                    "vcvtneps2bf16 ymm0,ZMMWORD PTR [rdi]"),
            line(
                    x -> x.vector(Evex.VPMOVQD_STORE, V512, 1, Address.at(Gp.RSI, 96)),
                    "vpmovqd YMMWORD PTR [rsi+0x60],zmm1"),
            line(
                    x -> x.vector(Evex.VPMOVSDB_STORE, V512, 1, Address.at(Gp.RSI, 16)),
                    "vpmovsdb XMMWORD PTR [rsi+0x10],zmm1"),
            line(
                    x -> x.vector(Evex.VPMOVSXBD, V512, 1, Address.at(Gp.RDI, 18)),
                    "vpmovsxbd zmm1,XMMWORD PTR [rdi+0x12]"),
            line(x -> x.vector(Evex.VPMOVZXBD, V512, 1, Address.at(Gp.RDI, 2)), "vpmovzxbd zmm1,XMMWORD PTR [rdi+0x2]"),
            line(x -> x.vector(Evex.VPUNPCKLDQ, V512, 16, 0, 1), "vpunpckldq zmm16,zmm0,zmm1"),
            line(x -> x.vector(Evex.VPUNPCKHDQ, V512, 17, 2, 3), "vpunpckhdq zmm17,zmm2,zmm3"),
            line(x -> x.vector(Evex.VPUNPCKLQDQ, V512, 0, 16, 18), "vpunpcklqdq zmm0,zmm16,zmm18"),
            line(x -> x.vector(Evex.VPUNPCKHQDQ, V512, 1, 16, 18), "vpunpckhqdq zmm1,zmm16,zmm18"),
            line(x -> x.vector(Evex.VSHUFI32X4, V512, 16, 0, 4, 0x88), "vshufi32x4 zmm16,zmm0,zmm4,0x88"),
            line(x -> x.vector(Evex.VPSHUFD, V512, 3, 0, 2, 0x4E), "vpshufd zmm3,zmm2,0x4e"),
            line(x -> x.vector(Evex.VPTERNLOGD, V512, 31, 31, 31, 0xFF), "vpternlogd zmm31,zmm31,zmm31,0xff"),
            line(x -> x.vector(Evex.VPSRLVD, V256, 24, 24, 19), "vpsrlvd ymm24,ymm24,ymm19"),
            line(x -> x.vector(Evex.VPMULLD, V512, 0, 0, 28), "vpmulld zmm0,zmm0,zmm28"),
            line(x -> x.vector(Evex.VPADDD, V512, 0, 0, 30), "vpaddd zmm0,zmm0,zmm30"),
            line(
                    x -> x.vector(Evex.VPXORD, V256, 24, 31, Address.at(Gp.RDI, 2)),
                    "vpxord ymm24,ymm31,YMMWORD PTR [rdi+0x2]"),
            line(x -> x.vector(Evex.VPANDD, V512, 10, 31, Address.at(Gp.R11)), "vpandd zmm10,zmm31,ZMMWORD PTR [r11]"),
            line(x -> x.vector(Evex.VPORD, V512, 0, 0, 1), "vpord zmm0,zmm0,zmm1"),
            line(x -> x.vector(Evex.VMULPS, V256, 28, 28, 18), "vmulps ymm28,ymm28,ymm18"),
            line(x -> x.vector(Evex.VDIVPS, V512, 2, 29, 2), "vdivps zmm2,zmm29,zmm2"),
            line(x -> x.vector(Evex.VMAXPS, V512, 2, 2, 3), "vmaxps zmm2,zmm2,zmm3"),
            line(x -> x.shiftLeft(V512, 31, 31, 16), "vpslld zmm31,zmm31,0x10"),
            line(
                    x -> x.shiftLeft(V512, 16, Address.at(Gp.RDI, Gp.RSI, 2, 0), 16),
                    "vpslld zmm16,ZMMWORD PTR [rdi+rsi*2],0x10"),
            line(x -> x.and(Gp.R11, 15), "and r11,0xf"),
            line(x -> x.clear(Gp.R10), "xor r10,r10"),
            line(x -> x.vector(Evex.VMINPS, V512, 4, 31, 4), "vminps zmm4,zmm31,zmm4"),
            line(x -> x.vector(Evex.VSUBPS, V512, 6, 5, 28), "vsubps zmm6,zmm5,zmm28"),
            line(
                    x -> x.vectorBroadcast(Evex.VSUBPS, V512, 0, 0, Address.at(Gp.RSP, 20)),
                    "vsubps zmm0,zmm0,DWORD BCST [rsp+0x14]"),
            line(x -> x.vector(Evex.VFMADD213PS, V512, 7, 4, 20), "vfmadd213ps zmm7,zmm4,zmm20"),
            line(x -> x.vector(Evex.VSQRTPS, V512, 3, 3), "vsqrtps zmm3,zmm3"),
            line(x -> x.vector(Evex.VPANDND, V512, 1, 22, 0), "vpandnd zmm1,zmm22,zmm0"),
            line(x -> x.vector(Evex.VPTERNLOGD, V512, 1, 0, 22, 0xF8), "vpternlogd zmm1,zmm0,zmm22,0xf8"),
            line(x -> x.compare(7, Comparison.NOT_LESS, V512, 0, 31), "vcmpnltps k7,zmm0,zmm31"),
            line(x -> x.compare(2, Comparison.EQUAL, V512, 17, 3), "vcmpeqps k2,zmm17,zmm3"),
            line(x -> x.compare(7, Comparison.LESS, V512, 4, 30), "vcmpltps k7,zmm4,zmm30"),
            line(x -> x.vectorWhere(1, Evex.VADDPS, V512, 2, 2, 17), "vaddps zmm2{k1},zmm2,zmm17"),
            line(x -> x.vectorWhere(7, Evex.VMOVUPS, V512, 1, 0, 7), "vmovups zmm1{k7},zmm7"),
            line(x -> x.vectorOrZero(7, Evex.VSCALEFPS, V512, 0, 7, 5), "vscalefps zmm0{k7}{z},zmm7,zmm5"),
            line(x -> x.vector(Evex.VPBROADCASTD, V512, 9, 5), "vpbroadcastd zmm9,xmm5"),
            line(x -> x.vector(Evex.VPBROADCASTD_GP, V512, 9, Gp.R9.ordinal()), "vpbroadcastd zmm9,r9d"),
            line(
                    x -> x.vector(Evex.VPBROADCASTQ, V512, 17, Address.at(Gp.RSP, 16)),
                    "vpbroadcastq zmm17,QWORD PTR [rsp+0x10]"),
            line(x -> x.vector(Evex.VPBROADCASTQ_GP, V512, 16, Gp.R9.ordinal()), "vpbroadcastq zmm16,r9"),
            line(x -> x.vector(Evex.VMOVD_TO_GP, V128, 2, Gp.RAX.ordinal()), "vmovd eax,xmm2"),
            line(x -> x.vector(Evex.VMOVQ_TO_GP, V128, 2, Gp.RAX.ordinal()), "vmovq rax,xmm2"),
            line(
                    x -> x.vector(Evex.VMOVDQU16_STORE, V256, 2, 0, Address.at(Gp.RSI), 1),
                    "vmovdqu16 YMMWORD PTR [rsi]{k1},ymm2"),
            line(x -> x.vector(Evex.VCVTPS2PD, V128, 5, 0), "vcvtps2pd xmm5,xmm0"),
            line(x -> x.vector(Evex.VCVTPD2PS, V128, 5, 5), "vcvtpd2ps xmm5,xmm5"),
            line(x -> x.vector(Evex.VADDPD, V128, 5, 5, 16), "vaddpd xmm5,xmm5,xmm16"),
            line(x -> x.vector(Evex.VMULPD, V128, 5, 6, 6), "vmulpd xmm5,xmm6,xmm6"),
            line(x -> x.vector(Evex.VDIVPD, V128, 5, 18, 5), "vdivpd xmm5,xmm18,xmm5"),
            line(x -> x.vector(Evex.VSQRTPD, V128, 5, 5), "vsqrtpd xmm5,xmm5"),
            line(x -> x.shiftRight(V512, 1, 17, 4), "vpsrld zmm1,zmm17,0x4"),
            line(x -> x.shiftRightQwords(V512, 1, 9, 32), "vpsrlq zmm1,zmm9,0x20"));

    private static Line line(Consumer<Assembler> instruction, String disassembled) {
        return new Line(instruction, disassembled);
    }

    @Test
    void instructionsReadBackAsWhatTheyWereMeantToBe(@TempDir Path folder) throws IOException {
        Assembler all = new Assembler();
        for (Line line : LINES) {
            line.instruction.accept(all);
        }
        assertThat(Disassembler.lines(all.bytes(), folder))
                .containsExactlyElementsOf(
                        LINES.stream().map(Line::disassembled).toList());
    }

    @Test
    void constantsAndJumpsReadBack(@TempDir Path folder) throws IOException {
        Assembler x = new Assembler();
        Assembler.Label start = x.label();
        x.constant(19, 0x0F0F0F0F);
        x.zero(17);
        x.ones(30);
        x.jumpIfNotZero(start);
        assertThat(Disassembler.lines(x.bytes(), folder))
                .containsExactly(
                        "mov eax,0xf0f0f0f",
                        "vpbroadcastd zmm19,eax",
                        "vpxord zmm17,zmm17,zmm17",
                        "vpternlogd zmm30,zmm30,zmm30,0xff",
                        "jne 0x0");
    }

    @Test
    void jumpsForwardAndPartialMasksReadBack(@TempDir Path folder) throws IOException {
        Assembler x = new Assembler();
        Assembler.Jump end = x.jumpIfZero();
        x.firstLanes(1, Gp.R11);
        x.land(end);
        x.ret();
        assertThat(Disassembler.lines(x.bytes(), folder))
                .containsExactly("je 0x15", "mov eax,0xffffffff", "bzhi eax,eax,r11d", "kmovw k1,eax", "ret");
    }

    @Test
    void anArgumentOnTheStackIsFoundBehindWhatIsPushed(@TempDir Path folder) throws IOException {
        byte[] function = Function.of((x, _, _, _, _, _, _, seventh, eighth) -> {
            x.mov(Gp.RAX, seventh.at());
            x.push(Gp.RBX);
            x.push(Gp.R12);
            x.mov(Gp.RBX, eighth.at());
            x.pop(Gp.R12);
            x.pop(Gp.RBX);
        });
        assertThat(Disassembler.lines(function, folder))
                .containsExactly(
                        "mov rax,QWORD PTR [rsp+0x8]",
                        "push rbx",
                        "push r12",
                        "mov rbx,QWORD PTR [rsp+0x20]",
                        "pop r12",
                        "pop rbx",
                        "vzeroupper",
                        "ret");
    }

    @Test
    void aFunctionThatDoesNotPopWhatItPushedIsRefused() {
        assertThatThrownBy(() -> Function.of((x, _, _, _, _, _, _) -> x.push(Gp.RBX)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("a function leaves 1 registers on the stack");
    }

    @Test
    void refusesWhatCannotBeEncoded() {
        assertThatThrownBy(() -> Address.at(Gp.RAX, Gp.RSP, 1, 0)).hasMessage("RSP cannot be an index");
        assertThatThrownBy(() -> Address.at(Gp.RAX, Gp.RBX, 3, 0)).hasMessage("scale is 3, wanted 1, 2, 4 or 8");
        assertThatThrownBy(() -> new Assembler().movStore32(Address.at(Gp.R8), Gp.RAX))
                .hasMessage("a 32-bit store has legacy registers only");
    }
}
