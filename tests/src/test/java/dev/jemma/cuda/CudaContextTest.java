package dev.jemma.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(StandIn.class)
final class CudaContextTest {
    private static Throwable onAnotherThread(Runnable work) throws Exception {
        FutureTask<Throwable> thrown = new FutureTask<>(() -> catchThrowable(work::run));
        Thread.ofPlatform().name("other").start(thrown);
        return thrown.get();
    }

    @Test
    void probeDescribesTheDevice() {
        StandIn.require();
        assertThat(Cuda.probe()).isInstanceOfSatisfying(Cuda.Available.class, cuda -> {
            assertThat(cuda.driver()).isEqualTo("13.0");
            assertThat(cuda.devices()).singleElement().hasToString("cuda:0 Jemma CPU stand-in (9.0, 1.0 GiB)");
            assertThat(cuda.device(0).memoryBytesPerSecond()).isEqualTo(16e9);
            assertThat(cuda.libraries()).allMatch(LibraryReport::found).hasSize(4);
            assertThatThrownBy(() -> cuda.device(1))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("cuda:1: no such device; there is one, cuda:0");
        });
    }

    @Test
    void aDriverWithoutDevicesIsUnavailable() {
        StandIn.require();
        StandIn.set("devices", 0);
        assertThat(Cuda.probe()).isInstanceOfSatisfying(Cuda.Unavailable.class, none -> {
            assertThat(none.reason()).startsWith("CUDA_ERROR_NO_DEVICE from cuInit of ");
            assertThat(none.cure()).startsWith("no GPU is visible: check nvidia-smi");
            assertThat(none.failure()).hasMessageStartingWith("no CUDA device: CUDA_ERROR_NO_DEVICE");
        });
        assertThatThrownBy(Cuda::require)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("; no GPU is visible: check nvidia-smi");
    }

    @Test
    void aMismatchedDriverIsUnavailable() {
        StandIn.require();
        StandIn.fail("cuInit", 803, 0);
        assertThat(Cuda.probe())
                .isInstanceOfSatisfying(
                        Cuda.Unavailable.class,
                        none -> assertThat(none.cure())
                                .isEqualTo(
                                        "libcuda and the kernel module have different versions: reboot, or reinstall the driver"));
    }

    @Test
    void usedOnAnotherThreadItSaysSo() throws Exception {
        try (CudaContext context = StandIn.open();
                CudaStream stream = context.stream()) {
            assertThat(onAnotherThread(stream::synchronize))
                    .isInstanceOf(WrongThreadException.class)
                    .hasMessage("CudaStream belongs to thread '"
                            + Thread.currentThread().getName()
                            + "' and is used on 'other': do all work of a device on one thread");
            assertThat(onAnotherThread(stream::close)).isInstanceOf(WrongThreadException.class);
        }
    }

    @Test
    void refusesVirtualThreads() throws Exception {
        AtomicReference<String> message = new AtomicReference<>("");
        Thread.ofVirtual()
                .start(() -> {
                    try (CudaContext context = StandIn.open()) {
                        message.set("opened " + context);
                    } catch (IllegalStateException e) {
                        message.set(e.getMessage());
                    }
                })
                .join();
        assertThat(message.get()).startsWith("a CUDA context needs a platform thread");
    }

    @Test
    void aThreadHasOneContext() {
        try (CudaContext context = StandIn.open()) {
            assertThatThrownBy(() -> CudaContext.open(context.device()))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageEndingWith("has a context open on cuda:0: close it, or use one thread for each device");
        }
    }

    @Test
    void useAfterCloseNamesTheOwnerAndClosingTwiceIsHarmless() {
        CudaContext context = StandIn.open();
        CudaStream stream = context.stream();
        DeviceBuffer buffer = context.allocate(100);
        DeviceBuffer view = buffer.slice(10, 20);
        stream.close();
        stream.close();
        buffer.close();
        buffer.close();
        assertThatThrownBy(stream::synchronize)
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("CudaStream is closed");
        assertThatThrownBy(view::address)
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("DeviceBuffer of 100 bytes is closed");
        context.close();
        context.close();
        assertThatThrownBy(context::synchronize)
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("CudaContext is used after its context was closed");
    }

    @Test
    void closesWhatWasForgottenAndNamesIt() {
        CudaContext context = StandIn.open();
        DeviceBuffer buffer = context.allocate(512);
        CudaStream stream = context.stream();
        assertThat(context.liveOwners()).containsExactly("DeviceBuffer of 512 bytes", "CudaStream");
        assertThatThrownBy(context::close)
                .isInstanceOf(IllegalStateException.class)
                .hasMessage(
                        "the context of cuda:0 was closed before 2 of its owners: DeviceBuffer of 512 bytes, CudaStream");
        assertThatThrownBy(buffer::address).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(stream::synchronize).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void outOfMemoryCarriesTheSizes() {
        StandIn.require();
        StandIn.set("memory", 1 << 20);
        try (CudaContext context = StandIn.open();
                DeviceBuffer first = context.allocate(600_000)) {
            assertThat(first.bytes()).isEqualTo(600_000);
            CudaOutOfMemoryException failure =
                    catchThrowableOfType(CudaOutOfMemoryException.class, () -> context.allocate(500_000));
            assertThat(failure.requested()).isEqualTo(500_000);
            assertThat(failure.free()).isEqualTo(448_576);
            assertThat(failure.total()).isEqualTo(1 << 20);
            assertThat(failure)
                    .hasMessage(
                            "cuMemAlloc of 500000 bytes: CUDA_ERROR_OUT_OF_MEMORY (2), out of memory; close what holds device"
                                    + " memory, or use a smaller batch or a shorter context; requested 500000 bytes, free 448576 of 1048576");
            assertThat(context.memory()).isEqualTo(new MemoryInfo(448_576, 1 << 20));
        }
    }

    @Test
    void aLostContextKeepsItsFirstCause() {
        StandIn.require();
        try (CudaContext context = StandIn.open();
                CudaStream stream = context.stream()) {
            StandIn.fail("cuStreamSynchronize", 700, 0);
            CudaException first = catchThrowableOfType(CudaException.class, stream::synchronize);
            assertThat(first)
                    .hasMessage(
                            "cuStreamSynchronize: CUDA_ERROR_ILLEGAL_ADDRESS (700), an illegal memory access was encountered; a"
                                    + " kernel went wrong and the context is lost: CUDA_LAUNCH_BLOCKING=1 shows which, compute-sanitizer shows where; start a new process");
            CudaException second = catchThrowableOfType(CudaException.class, () -> context.allocate(16));
            assertThat(second).hasCause(first);
            assertThat(second.getMessage())
                    .startsWith("DeviceBuffer of 16 bytes: the context of cuda:0 is lost since cuStreamSynchronize:");
            assertThat(second.status()).isEqualTo(700);
        }
    }

    @Test
    void librariesOfALostContextCloseQuietly() {
        StandIn.require();
        try (CudaContext context = StandIn.open();
                CudaStream stream = context.stream();
                CublasLt lt = CublasLt.open(stream);
                Cublas cublas = Cublas.open(stream)) {
            assertThat(lt.plans()).isZero();
            assertThat(cublas.version()).isNotEmpty();
            StandIn.fail("cuStreamSynchronize", 719, 0);
            StandIn.fail("cublasLtDestroy", 13, 0);
            StandIn.fail("cublasDestroy_v2", 13, 0);
            assertThatThrownBy(stream::synchronize).isInstanceOf(CudaException.class);
        }
    }

    @Test
    void aFailedOperationThatIsNotStickyLeavesTheContextWorking() {
        StandIn.require();
        try (CudaContext context = StandIn.open()) {
            StandIn.fail("cuCtxSynchronize", 1, 0);
            CudaException failure = catchThrowableOfType(CudaException.class, context::synchronize);
            assertThat(failure.operation()).isEqualTo("cuCtxSynchronize");
            assertThat(failure).hasMessage("cuCtxSynchronize: CUDA_ERROR_INVALID_VALUE (1), invalid argument");
            context.synchronize();
        }
    }
}
