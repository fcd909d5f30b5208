package dev.jemma.engine.kernel;

import dev.jemma.engine.api.Arithmetic;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Slab;
import dev.jemma.engine.tensor.Tensor;

/**
 * The steps a Gemma is made of, each as a forward and its backward: the seam between the model and the hardware.
 *
 * <p>Notation: N rows (tokens of all sequences of a batch, contiguous), C hidden size, I and O a linear map's
 * inputs and outputs, H query heads, K key-value heads, D head size, V vocabulary, r rank. Tensors are dense and
 * row-major. Activations and gradients are f32; {@code weight} and {@code table} may be F32, F16 or BF16, of two
 * dimensions also Q8_0 or Q4_0, and are used in place. A gradient is named d + name. Outputs never alias inputs unless
 * an operation says so. Frozen weights have no gradient.
 *
 * <p>Every result repeats bit for bit on one machine, whatever the number of threads. An operation has finished when it
 * returns or behaves as if it had for every later operation and {@link #read}. Instances are used by one thread at a
 * time; shapes that do not fit are an {@link IllegalArgumentException} naming operation and shapes.
 *
 * <p>There are no default methods, and a test fails for any forward without a checked backward: a missing gradient
 * would train nothing, silently.
 */
public interface Kernels extends AutoCloseable {
    // ---- memory

    /**
     * A region of this backend's memory of {@code bytes} bytes (the sum of {@link Slab#aligned} over its tensors);
     * closed by the caller.
     */
    Slab slab(long bytes);

    /** Copies {@code length} ints from {@code source[from]} into the start of {@code target} (I32). */
    void write(Tensor target, int[] source, int from, int length);

    /**
     * Copies {@code length} floats from {@code source[from]} into the start of {@code target} (F32): rotary tables,
     * adapter factors.
     */
    void write(Tensor target, float[] source, int from, int length);

    /** Copies {@code source}'s elements (F32) into {@code target[0 ..]}. */
    void read(Tensor source, float[] target);

    /** Sets every element to zero. */
    void zero(Tensor x);

    /** {@code out = x}, same dtype and number of elements. */
    void copy(Tensor out, Tensor x);

    // ---- embedding

    /**
     * {@code out[n] = table[ids[n]] * scale}. out [N, C], table [V, C], ids [N] I32. The table is frozen: no backward.
     */
    void embed(Tensor out, Tensor table, Tensor ids, float scale);

    /**
     * PEFT's embedding adapter, as its Embedding layer computes it:
     * {@code out[n] += outScale * adapter.scale * B A[:, ids[n]]}. out [N, C], A [r, V], B [C, r], ids [N].
     */
    void embedLowRank(Tensor out, LowRank adapter, Tensor ids, float outScale);

    /**
     * {@code dA[:, ids[n]] += outScale * scale * B^T dOut[n]}, {@code dB += outScale * scale * dOut[n] A[:, ids[n]]^T}.
     */
    void embedLowRankBackward(Tensor dA, Tensor dB, Tensor dOut, LowRank adapter, Tensor ids, float outScale);

    // ---- norms and residuals

    /**
     * Gemma's RMSNorm over the last dimension: {@code out = x / sqrt(mean(x^2) + eps) * (1 + weight)}, f32 throughout.
     * out and x [rows, D], weight [D]. out may be x.
     */
    void rmsNorm(Tensor out, Tensor x, Tensor weight, float eps);

    /** {@code dX} of {@link #rmsNorm}; x is its input. With {@link Write#SET}, dX may be dOut. */
    void rmsNormBackward(Tensor dX, Tensor dOut, Tensor x, Tensor weight, float eps, Write write);

    /** {@code out = a + b}; out may be a or b. Its own backward: both inputs receive dOut. */
    void add(Tensor out, Tensor a, Tensor b);

    // ---- linear maps

    /** {@code out = x W^T} (or += with {@link Write#ADD}). out [N, O], x [N, I], weight [O, I]. */
    void linear(Tensor out, Tensor x, Tensor weight, Write write);

    /** {@code dX = dOut W} (or +=). dX [N, I], dOut [N, O], weight [O, I]. */
    void linearBackward(Tensor dX, Tensor dOut, Tensor weight, Write write);

    /** {@code xa = x A^T}; {@code out += scale * xa B^T}. out [N, O], xa [N, r] (kept for the backward), x [N, I]. */
    void lowRank(Tensor out, Tensor xa, Tensor x, LowRank adapter);

    /**
     * With {@code g = scale * dOut B} [N, r] (written to {@code scratch}): {@code dA += g^T x},
     * {@code dB += scale * dOut^T xa}, {@code dX += g A}. x and xa as in the forward.
     */
    void lowRankBackward(
            Tensor dX, Tensor dA, Tensor dB, Tensor dOut, Tensor x, Tensor xa, LowRank adapter, Tensor scratch);

    /**
     * Inverted dropout: {@code out = keep ? x / (1 - p) : 0} with {@link DropoutMask#keep}, which depends on
     * {@code (seed, i)} of element i alone, so that a recomputed forward drops the same elements on every backend. p in
     * [0, 1). out may be x.
     */
    void dropout(Tensor out, Tensor x, float p, long seed);

    /** {@code dX += keep ? dOut / (1 - p) : 0} with the same mask. */
    void dropoutBackward(Tensor dX, Tensor dOut, float p, long seed);

    // ---- attention

    /**
     * Rotates pairs (i, i + D/2) of every head by its row's position, in place. x [N, heads * D]; positions come from
     * the spans.
     */
    void rope(Tensor x, RopeTable table, int headDim, Span[] spans);

    /** The inverse rotation of dX, in place. */
    void ropeBackward(Tensor dX, RopeTable table, int headDim, Span[] spans);

    /**
     * Stores new keys (or values) in a cache: row n of {@code x} at position p of its span goes to row
     * {@link Span#keyRowOf} of {@code cache}. x [N, K * D], cache [rows, K * D]. Used without gradients only.
     */
    void cacheRows(Tensor cache, Tensor x, Span[] spans);

    /**
     * Causal attention with an online softmax in f32. out and q [N, H * D]; k and v [rows, K * D], addressed through
     * the spans; lse [N, H] receives the log of each softmax's denominator (with the maximum added back), for the
     * backward.
     */
    void attention(Tensor out, Tensor lse, Tensor q, Tensor k, Tensor v, AttentionShape shape, Span[] spans);

    /**
     * Gradients of {@link #attention}; spans must be {@link Span#whole}. dQ, dK and dV are set, rows of no span stay
     * untouched.
     */
    void attentionBackward(
            Tensor dQ,
            Tensor dK,
            Tensor dV,
            Tensor dOut,
            Tensor out,
            Tensor lse,
            Tensor q,
            Tensor k,
            Tensor v,
            AttentionShape shape,
            Span[] spans);

    // ---- gated MLP

    /** {@code out = gelu_tanh(gate) * up}. out may be gate or up. */
    void geglu(Tensor out, Tensor gate, Tensor up);

    /** Gradients of {@link #geglu}. dGate and dUp are set; either may be dOut, and dGate may be gate, dUp may be up. */
    void gegluBackward(Tensor dGate, Tensor dUp, Tensor dOut, Tensor gate, Tensor up);

    // ---- loss head

    /** {@code out[i] = x[rows[i]]}. out [S, C], rows [S] I32. */
    void gatherRows(Tensor out, Tensor x, Tensor rows);

    /** {@code dX[rows[i]] += dOut[i]}; rows are distinct. */
    void gatherRowsBackward(Tensor dX, Tensor dOut, Tensor rows);

    /** {@code x = cap * tanh(x / cap)}, in place: the final softcap of logits on their way to a sampler. */
    void softcap(Tensor x, float cap);

    /**
     * The sum over rows of {@code -log softmax(softcapped logits)[target]}. logits [S, V] (unchanged), targets [S] I32;
     * softcap 0 = none.
     */
    double crossEntropy(Tensor logits, Tensor targets, float softcap);

    /**
     * The same sum, and the logits replaced by {@code scale} times its gradient with respect to the logits before the
     * softcap: {@code scale * (softmax - onehot) * (1 - (capped / cap)^2)}.
     */
    double crossEntropyBackward(Tensor logits, Tensor targets, float softcap, float scale);

    // ---- optimizer

    /** The sum of squares, accumulated in double in a fixed order. */
    double sumOfSquares(Tensor x);

    /** One AdamW step in place. All f32 of one shape: parameter, gradient (unchanged), first and second moment. */
    void adamW(Tensor parameter, Tensor gradient, Tensor first, Tensor second, AdamWStep step);

    /** Which element types {@code weight} arguments may have. */
    boolean supportsWeight(DType dtype);

    /** How the factors of large products are held. */
    Arithmetic arithmetic();

    /** What computes, for people: {@code cpu, 2 threads, 512-bit}. */
    String description();

    @Override
    void close();
}
