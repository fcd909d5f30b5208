package dev.jemma.engine.kernel;

import java.util.Arrays;

/**
 * Every operation of {@link Kernels} in plain doubles, written as its formula reads: the truth. Arrays are dense and
 * row-major, as the tensors are; results are new arrays.
 */
final class ReferenceMath {
    private ReferenceMath() {}

    static double[] embed(double[] table, int[] ids, int c, double scale) {
        double[] out = new double[ids.length * c];
        for (int n = 0; n < ids.length; n++) {
            for (int j = 0; j < c; j++) {
                out[n * c + j] = table[ids[n] * c + j] * scale;
            }
        }
        return out;
    }

    /** What the embedding adapter adds. a [r, v], b [c, r]. */
    static double[] embedLowRank(double[] a, double[] b, int[] ids, int r, int v, int c, double scale) {
        double[] out = new double[ids.length * c];
        for (int n = 0; n < ids.length; n++) {
            for (int j = 0; j < c; j++) {
                double sum = 0;
                for (int k = 0; k < r; k++) {
                    sum += b[j * r + k] * a[k * v + ids[n]];
                }
                out[n * c + j] = scale * sum;
            }
        }
        return out;
    }

    static double[] embedLowRankGradA(double[] dOut, double[] b, int[] ids, int r, int v, int c, double scale) {
        double[] dA = new double[r * v];
        for (int n = 0; n < ids.length; n++) {
            for (int k = 0; k < r; k++) {
                for (int j = 0; j < c; j++) {
                    dA[k * v + ids[n]] += scale * b[j * r + k] * dOut[n * c + j];
                }
            }
        }
        return dA;
    }

    static double[] embedLowRankGradB(double[] dOut, double[] a, int[] ids, int r, int v, int c, double scale) {
        double[] dB = new double[c * r];
        for (int n = 0; n < ids.length; n++) {
            for (int j = 0; j < c; j++) {
                for (int k = 0; k < r; k++) {
                    dB[j * r + k] += scale * dOut[n * c + j] * a[k * v + ids[n]];
                }
            }
        }
        return dB;
    }

    static double[] rmsNorm(double[] x, double[] weight, double eps) {
        int d = weight.length;
        double[] out = new double[x.length];
        for (int row = 0; row < x.length; row += d) {
            double inverse = inverseRms(x, row, d, eps);
            for (int j = 0; j < d; j++) {
                out[row + j] = x[row + j] * inverse * (1 + weight[j]);
            }
        }
        return out;
    }

    /** With {@code s = 1 / rms} and {@code g = dOut (1 + w)}: {@code dX = s g - s^3 / D * x * sum(g x)}. */
    static double[] rmsNormBackward(double[] dOut, double[] x, double[] weight, double eps) {
        int d = weight.length;
        double[] dX = new double[x.length];
        for (int row = 0; row < x.length; row += d) {
            double s = inverseRms(x, row, d, eps);
            double dot = 0;
            for (int j = 0; j < d; j++) {
                dot += dOut[row + j] * (1 + weight[j]) * x[row + j];
            }
            for (int j = 0; j < d; j++) {
                dX[row + j] = s * dOut[row + j] * (1 + weight[j]) - s * s * s / d * x[row + j] * dot;
            }
        }
        return dX;
    }

    private static double inverseRms(double[] x, int row, int d, double eps) {
        double sum = 0;
        for (int j = 0; j < d; j++) {
            sum += x[row + j] * x[row + j];
        }
        return 1 / Math.sqrt(sum / d + eps);
    }

    static double[] add(double[] a, double[] b) {
        double[] out = new double[a.length];
        for (int i = 0; i < a.length; i++) {
            out[i] = a[i] + b[i];
        }
        return out;
    }

    static double[] scale(double[] a, double factor) {
        return Arrays.stream(a).map(v -> v * factor).toArray();
    }

    /** {@code a [n, k] times the transpose of b [m, k]}: [n, m]. */
    static double[] timesTransposed(double[] a, double[] b, int n, int k, int m) {
        double[] out = new double[n * m];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < m; j++) {
                double sum = 0;
                for (int l = 0; l < k; l++) {
                    sum += a[i * k + l] * b[j * k + l];
                }
                out[i * m + j] = sum;
            }
        }
        return out;
    }

    /** {@code a [n, k] times b [k, m]}: [n, m]. */
    static double[] times(double[] a, double[] b, int n, int k, int m) {
        return timesTransposed(a, transposed(b, k, m), n, k, m);
    }

    /** The transpose of a [n, m]. */
    static double[] transposed(double[] a, int n, int m) {
        double[] out = new double[a.length];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < m; j++) {
                out[j * n + i] = a[i * m + j];
            }
        }
        return out;
    }

    static double[] dropout(double[] x, float p, long seed) {
        int threshold = DropoutMask.threshold(p);
        double[] out = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            out[i] = DropoutMask.keep(seed, i, threshold) ? x[i] / (1 - (double) p) : 0;
        }
        return out;
    }

    /**
     * Rotates by {@code direction} times the angle. cos and sin [positions, headDim / 2]; {@code columns} = heads *
     * headDim.
     */
    static double[] rope(
            double[] x, double[] cos, double[] sin, int columns, int headDim, Span[] spans, double direction) {
        double[] out = x.clone();
        int half = headDim / 2;
        for (Span span : spans) {
            for (int i = 0; i < span.length(); i++) {
                int position = span.position() + i;
                for (int head = 0; head < columns; head += headDim) {
                    int at = (span.row() + i) * columns + head;
                    for (int j = 0; j < half; j++) {
                        double c = cos[position * half + j];
                        double s = direction * sin[position * half + j];
                        out[at + j] = x[at + j] * c - x[at + half + j] * s;
                        out[at + half + j] = x[at + half + j] * c + x[at + j] * s;
                    }
                }
            }
        }
        return out;
    }

    /** Probabilities of one query row, and what is needed to differentiate them. */
    private record Row(int first, double[] probability, double[] capSlope, double lse) {}

    private static Row attentionRow(
            double[] q, double[] k, int queryRow, int head, int position, Span span, AttentionShape shape) {
        int d = shape.headDim();
        int keyHead = head / (shape.heads() / shape.keyValueHeads());
        int first = shape.firstVisible(position);
        double[] score = new double[position - first + 1];
        double[] slope = new double[score.length];
        double max = Double.NEGATIVE_INFINITY;
        for (int p = first; p <= position; p++) {
            double s = 0;
            for (int j = 0; j < d; j++) {
                s += q[(queryRow * shape.heads() + head) * d + j]
                        * k[(span.keyRowOf(p) * shape.keyValueHeads() + keyHead) * d + j];
            }
            s *= shape.scale();
            double capSlope = 1;
            if (shape.softcap() > 0) {
                double t = Math.tanh(s / shape.softcap());
                s = shape.softcap() * t;
                capSlope = 1 - t * t;
            }
            score[p - first] = s;
            slope[p - first] = capSlope;
            max = Math.max(max, s);
        }
        double sum = 0;
        for (int i = 0; i < score.length; i++) {
            sum += score[i] = Math.exp(score[i] - max);
        }
        for (int i = 0; i < score.length; i++) {
            score[i] /= sum;
        }
        return new Row(first, score, slope, max + Math.log(sum));
    }

    /** Fills out [N, H * D] and lse [N, H] for the rows of the spans. */
    static void attention(
            double[] out, double[] lse, double[] q, double[] k, double[] v, AttentionShape shape, Span[] spans) {
        int d = shape.headDim();
        for (Span span : spans) {
            for (int i = 0; i < span.length(); i++) {
                int queryRow = span.row() + i;
                for (int head = 0; head < shape.heads(); head++) {
                    int keyHead = head / (shape.heads() / shape.keyValueHeads());
                    Row row = attentionRow(q, k, queryRow, head, span.position() + i, span, shape);
                    lse[queryRow * shape.heads() + head] = row.lse;
                    for (int j = 0; j < d; j++) {
                        double sum = 0;
                        for (int l = 0; l < row.probability.length; l++) {
                            sum += row.probability[l]
                                    * v[(span.keyRowOf(row.first + l) * shape.keyValueHeads() + keyHead) * d + j];
                        }
                        out[(queryRow * shape.heads() + head) * d + j] = sum;
                    }
                }
            }
        }
    }

    /** Adds the gradients of q, k and v. */
    static void attentionBackward(
            double[] dQ,
            double[] dK,
            double[] dV,
            double[] dOut,
            double[] q,
            double[] k,
            double[] v,
            AttentionShape shape,
            Span[] spans) {
        int d = shape.headDim();
        for (Span span : spans) {
            for (int i = 0; i < span.length(); i++) {
                for (int head = 0; head < shape.heads(); head++) {
                    int keyHead = head / (shape.heads() / shape.keyValueHeads());
                    int at = ((span.row() + i) * shape.heads() + head) * d;
                    Row row = attentionRow(q, k, span.row() + i, head, span.position() + i, span, shape);
                    double[] dP = new double[row.probability.length];
                    double dot = 0;
                    for (int l = 0; l < dP.length; l++) {
                        int key = (span.keyRowOf(row.first + l) * shape.keyValueHeads() + keyHead) * d;
                        for (int j = 0; j < d; j++) {
                            dP[l] += dOut[at + j] * v[key + j];
                            dV[key + j] += row.probability[l] * dOut[at + j];
                        }
                        dot += row.probability[l] * dP[l];
                    }
                    for (int l = 0; l < dP.length; l++) {
                        int key = (span.keyRowOf(row.first + l) * shape.keyValueHeads() + keyHead) * d;
                        double dS = row.probability[l] * (dP[l] - dot) * row.capSlope[l] * shape.scale();
                        for (int j = 0; j < d; j++) {
                            dQ[at + j] += dS * k[key + j];
                            dK[key + j] += dS * q[at + j];
                        }
                    }
                }
            }
        }
    }

    private static final double ROOT_TWO_OVER_PI = Math.sqrt(2 / Math.PI);

    static double gelu(double x) {
        return 0.5 * x * (1 + Math.tanh(ROOT_TWO_OVER_PI * (x + 0.044715 * x * x * x)));
    }

    /** With {@code t = tanh(u)}: {@code 0.5 (1 + t) + 0.5 x (1 - t^2) u'}. */
    static double geluSlope(double x) {
        double t = Math.tanh(ROOT_TWO_OVER_PI * (x + 0.044715 * x * x * x));
        return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * ROOT_TWO_OVER_PI * (1 + 3 * 0.044715 * x * x);
    }

    static double[] geglu(double[] gate, double[] up) {
        double[] out = new double[gate.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = gelu(gate[i]) * up[i];
        }
        return out;
    }

    static double[] gegluGradGate(double[] dOut, double[] gate, double[] up) {
        double[] out = new double[gate.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = dOut[i] * geluSlope(gate[i]) * up[i];
        }
        return out;
    }

    static double[] gegluGradUp(double[] dOut, double[] gate) {
        double[] out = new double[gate.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = dOut[i] * gelu(gate[i]);
        }
        return out;
    }

    static double[] softcap(double[] x, double cap) {
        return Arrays.stream(x).map(v -> cap * Math.tanh(v / cap)).toArray();
    }

    static double crossEntropy(double[] logits, int[] targets, double softcap) {
        int v = logits.length / targets.length;
        double[] capped = softcap > 0 ? softcap(logits, softcap) : logits;
        double loss = 0;
        for (int n = 0; n < targets.length; n++) {
            loss += logSumExp(capped, n * v, v) - capped[n * v + targets[n]];
        }
        return loss;
    }

    static double[] crossEntropyBackward(double[] logits, int[] targets, double softcap, double scale) {
        int v = logits.length / targets.length;
        double[] capped = softcap > 0 ? softcap(logits, softcap) : logits;
        double[] grad = new double[logits.length];
        for (int n = 0; n < targets.length; n++) {
            double lse = logSumExp(capped, n * v, v);
            for (int j = 0; j < v; j++) {
                double c = capped[n * v + j];
                double slope = softcap > 0 ? 1 - c / softcap * (c / softcap) : 1;
                grad[n * v + j] = scale * (Math.exp(c - lse) - (j == targets[n] ? 1 : 0)) * slope;
            }
        }
        return grad;
    }

    private static double logSumExp(double[] x, int from, int length) {
        double max = Double.NEGATIVE_INFINITY;
        for (int j = 0; j < length; j++) {
            max = Math.max(max, x[from + j]);
        }
        double sum = 0;
        for (int j = 0; j < length; j++) {
            sum += Math.exp(x[from + j] - max);
        }
        return max + Math.log(sum);
    }
}
