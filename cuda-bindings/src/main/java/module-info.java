/** Panama bindings to the CUDA driver, cuBLASLt and NVRTC; knows no tensors. */
module dev.jemma.cuda {
    requires static org.jspecify;

    exports dev.jemma.cuda;
}
