package dev.jemma.engine.checkpoint;

import dev.jemma.engine.checkpoint.config.GemmaConfig;
import dev.jemma.engine.checkpoint.config.LayerConfig;
import dev.jemma.engine.checkpoint.config.LayerConfig.Rope;
import dev.jemma.engine.checkpoint.config.Parameter;
import dev.jemma.engine.io.Digest;
import java.lang.foreign.MemorySegment;
import java.util.stream.Collectors;

/** What tells a model from another one, wherever it lies: {@link Checkpoint#fingerprint}. */
final class Fingerprint {
    /** Of each weight. */
    private static final long SAMPLED_BYTES = 1024;

    private Fingerprint() {}

    static String of(Checkpoint checkpoint) {
        Digest digest = new Digest().add(text(checkpoint.config()));
        for (Parameter parameter : checkpoint.config().layout().stored()) {
            Weight weight = checkpoint.weight(parameter.name());
            digest.add(parameter.name() + ' ' + weight.type() + weight.shape());
            MemorySegment bytes = weight.bytes();
            long count = Math.min(SAMPLED_BYTES, bytes.byteSize());
            digest.add(bytes.asSlice((bytes.byteSize() - count) / 2, count).asByteBuffer());
        }
        return digest.hex(16);
    }

    /**
     * The values of a config. Runs are resumed by this text's digest, so it stays as it was first written, whatever the
     * records look like now; what a later generation adds goes behind it, for models that have it.
     */
    static String text(GemmaConfig config) {
        LayerConfig first = config.layers().getFirst();
        return "GemmaConfig[family=" + config.family()
                + ", modelType=" + config.modelType()
                + ", vocabSize=" + config.vocabSize()
                + ", hiddenSize=" + config.hiddenSize()
                + ", rmsNormEps=" + config.rmsNormEps()
                + ", queryPreAttnScalar=" + first.queryPreAttnScalar()
                + ", attnLogitSoftcapping=" + first.attnLogitSoftcapping()
                + ", finalLogitSoftcapping=" + config.finalLogitSoftcapping()
                + ", maxPositionEmbeddings=" + config.maxPositionEmbeddings()
                + ", tieWordEmbeddings=" + config.tieWordEmbeddings()
                + ", bosTokenId=" + config.bosTokenId()
                + ", eosTokenIds=" + config.eosTokenIds()
                + ", padTokenId=" + config.padTokenId()
                + ", layers="
                + config.layers().stream().map(Fingerprint::text).collect(Collectors.joining(", ", "[", "]"))
                + "]";
    }

    private static String text(LayerConfig layer) {
        Rope rope = layer.rope();
        return "LayerConfig[type=" + layer.type()
                + ", window=" + layer.window()
                + ", rope=Rope[theta=" + rope.theta() + ", factor=" + rope.factor() + "]"
                + ", numAttentionHeads=" + layer.numAttentionHeads()
                + ", numKeyValueHeads=" + layer.numKeyValueHeads()
                + ", headDim=" + layer.headDim()
                + ", intermediateSize=" + layer.intermediateSize()
                + "]";
    }
}
