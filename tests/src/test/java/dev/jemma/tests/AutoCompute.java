package dev.jemma.tests;

import dev.jemma.engine.api.Arithmetic;
import dev.jemma.engine.kernel.cpu.ArithmeticChoice;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.util.Arrays;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Marks tests that go by {@code --compute auto}: they open a model or start a command and name no arithmetic. The build
 * runs them under each arithmetic and as on lesser CPUs, so that what they expect may not depend on the CPU at hand.
 *
 * <p>It cannot be forgotten. In all other tests the build gives {@code -Djemma.arithmetic} a value that is refused as
 * soon as {@code auto} is asked (tests/pom.xml): without this mark they fail on every CPU alike.
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@Tag("auto-compute")
@ExtendWith(AutoCompute.Allowed.class)
public @interface AutoCompute {
    /** Takes the refused value away while the class runs; an arithmetic that the build forces stays. */
    final class Allowed implements BeforeAllCallback, AfterAllCallback {
        private static final ExtensionContext.Namespace OWN = ExtensionContext.Namespace.create(AutoCompute.class);

        @Override
        public void beforeAll(ExtensionContext context) {
            String given = System.getProperty(ArithmeticChoice.PROPERTY, "");
            if (Arrays.stream(Arithmetic.values()).noneMatch(each -> each.key().equals(given))) {
                context.getStore(OWN).put(ArithmeticChoice.PROPERTY, SystemProperty.clear(ArithmeticChoice.PROPERTY));
            }
        }

        @Override
        public void afterAll(ExtensionContext context) {
            SystemProperty cleared = context.getStore(OWN).remove(ArithmeticChoice.PROPERTY, SystemProperty.class);
            if (cleared != null) {
                cleared.close();
            }
        }
    }
}
