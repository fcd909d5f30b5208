package dev.jemma.engine.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.jemma.engine.api.SchedulerType;
import dev.jemma.engine.api.TrainingConfig;
import org.junit.jupiter.api.Test;

/** Values as transformers' get_scheduler gives them. */
final class SchedulerTypeTest {
    private static TrainingConfig config(SchedulerType type, double warmup) {
        return TrainingConfig.defaults()
                .withLearningRate(1)
                .withLrSchedulerType(type)
                .withWarmupSteps(warmup);
    }

    @Test
    void linearWarmsUpFromZeroAndEndsAboveZero() {
        TrainingConfig config = config(SchedulerType.LINEAR, 2);
        assertThat(new double[] {
                    config.learningRate(1, 6),
                    config.learningRate(2, 6),
                    config.learningRate(3, 6),
                    config.learningRate(4, 6),
                    config.learningRate(6, 6)
                })
                .containsExactly(0, 0.5, 1, 0.75, 0.25);
    }

    @Test
    void cosineIsHalfWayInTheMiddle() {
        TrainingConfig config = config(SchedulerType.COSINE, 0);
        assertThat(config.learningRate(1, 8)).isEqualTo(1);
        assertThat(config.learningRate(5, 8)).isCloseTo(0.5, within(1e-15));
    }

    @Test
    void constantIgnoresWarmupUnlessItSaysSo() {
        assertThat(config(SchedulerType.CONSTANT, 4).learningRate(1, 8)).isEqualTo(1);
        assertThat(config(SchedulerType.CONSTANT_WITH_WARMUP, 4).learningRate(1, 8))
                .isZero();
        assertThat(config(SchedulerType.CONSTANT_WITH_WARMUP, 4).learningRate(5, 8))
                .isEqualTo(1);
    }

    @Test
    void warmupBelowOneIsAShareRoundedUp() {
        assertThat(config(SchedulerType.LINEAR, 0.1).warmupSteps(25)).isEqualTo(3);
        assertThat(config(SchedulerType.LINEAR, 3).warmupSteps(25)).isEqualTo(3);
    }

    @Test
    void epochsBecomeStepsRoundedUp() {
        assertThat(config(SchedulerType.LINEAR, 0).totalSteps(7)).isEqualTo(21);
    }

    @Test
    void saysWhichHyperparameterIsWrong() {
        assertThatThrownBy(() -> TrainingConfig.defaults().withAdamBeta2(1.5))
                .hasMessage("adam_beta2 is 1.5, wanted 0 or more and below 1");
    }
}
