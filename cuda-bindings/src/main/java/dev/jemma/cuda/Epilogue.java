package dev.jemma.cuda;

import static dev.jemma.cuda.internal.CublasConstants.*;

/** What cuBLASLt does to a product before it stores it. GELU is the tanh form. */
public enum Epilogue {
    /** Nothing. */
    NONE(CUBLASLT_EPILOGUE_DEFAULT, false, false),
    /** Adds a bias [n] to each row. */
    BIAS(CUBLASLT_EPILOGUE_BIAS, true, false),
    /** GELU. */
    GELU(CUBLASLT_EPILOGUE_GELU, false, false),
    /** Adds a bias [n], then GELU. */
    GELU_BIAS(CUBLASLT_EPILOGUE_GELU_BIAS, true, false),
    /** GELU; its input goes to aux [m, n], for the backward pass. */
    GELU_AUX(CUBLASLT_EPILOGUE_GELU_AUX, false, true),
    /** Adds a bias [n], stores the sum in aux [m, n], then GELU. */
    GELU_AUX_BIAS(CUBLASLT_EPILOGUE_GELU_AUX_BIAS, true, true),
    /** Multiplies by the derivative of GELU at aux [m, n]. */
    DGELU(CUBLASLT_EPILOGUE_DGELU, false, true);

    private final int code;
    private final boolean bias;
    private final boolean aux;

    Epilogue(int code, boolean bias, boolean aux) {
        this.code = code;
        this.bias = bias;
        this.aux = aux;
    }

    int code() {
        return code;
    }

    /** Whether it reads a bias. */
    public boolean hasBias() {
        return bias;
    }

    /** Whether it reads or writes the auxiliary matrix. */
    public boolean hasAux() {
        return aux;
    }
}
