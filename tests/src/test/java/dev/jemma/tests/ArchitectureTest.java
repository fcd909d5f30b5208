package dev.jemma.tests;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noFields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noMethods;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaCall;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.domain.properties.HasName;
import com.tngtech.archunit.core.domain.properties.HasOwner;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import dev.jemma.agent.Param;
import dev.jemma.agent.Tool;
import dev.jemma.engine.checkpoint.Checkpoint;
import dev.jemma.engine.template.ChatTemplate;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.NullMarked;

/** The architecture as law; docs/architecture.md gives the reasons. */
@AnalyzeClasses(packages = "dev.jemma", importOptions = ImportOption.DoNotIncludeTests.class)
final class ArchitectureTest {
    private static final String ENGINE = "dev.jemma.engine";
    private static final ExportedTypes EXPORTED = ExportedTypes.read();
    private static final String TEMPLATE = ENGINE + ".template";
    private static final String GEMMA = ENGINE + ".gemma";

    /** The annotations that users write stand beside the agent and depend on nothing; the binder reads them. */
    @ArchTest
    static final ArchRule packagesHaveNoCycles = slices().matching("dev.jemma.(**)")
            .should()
            .beFreeOfCycles()
            .ignoreDependency(
                    JavaClass.Predicates.resideInAPackage("dev.jemma.agent.bind"),
                    JavaClass.Predicates.belongToAnyOf(Tool.class, Param.class));

    @ArchTest
    static final ArchRule binderKnowsOnlyTheAnnotationsOfTheAgent = noClasses()
            .that()
            .resideInAPackage("dev.jemma.agent.bind")
            .should()
            .dependOnClassesThat(JavaClass.Predicates.resideInAPackage("dev.jemma.agent")
                    .and(DescribedPredicate.not(JavaClass.Predicates.belongToAnyOf(Tool.class, Param.class))));

    @ArchTest
    static final ArchRule cudaBindingsKnowNothingOfJemma = noClasses()
            .that()
            .resideInAPackage("dev.jemma.cuda..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("dev.jemma.engine..", "dev.jemma.agent..", "dev.jemma.cli..");

    @ArchTest
    static final ArchRule engineKnowsNoSdkAndNoCli = noClasses()
            .that()
            .resideInAPackage(ENGINE + "..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("dev.jemma.agent..", "dev.jemma.cli..");

    @ArchTest
    static final ArchRule apiIsALeaf = noClasses()
            .that()
            .resideInAPackage(ENGINE + ".api..")
            .should()
            .dependOnClassesThat(JavaClass.Predicates.resideInAPackage("dev.jemma..")
                    .and(DescribedPredicate.not(JavaClass.Predicates.resideInAPackage(ENGINE + ".api.."))));

    /** Who may call a method may name what it takes, answers and throws, and what these are made of. */
    @ArchTest
    static final ArchRule exportedSignaturesNameExportedTypesOnly = classes()
            .that(new DescribedPredicate<>("are exported to everybody") {
                @Override
                public boolean test(JavaClass type) {
                    return !type.getName().endsWith("module-info")
                            && !type.getName().endsWith("package-info")
                            && EXPORTED.isVisible(type.reflect());
                }
            })
            .should(new ArchCondition<>("name exported types only") {
                @Override
                public void check(JavaClass type, ConditionEvents events) {
                    EXPORTED.hiddenIn(type.reflect())
                            .forEach(hidden -> events.add(SimpleConditionEvent.violated(type, hidden)));
                }
            });

    @ArchTest
    static final ArchRule fileFormatsOfWeightsKnowBytesAndTensorsOnly = noClasses()
            .that()
            .resideInAnyPackage(ENGINE + ".gguf..", ENGINE + ".safetensors..")
            .should()
            .dependOnClassesThat(JavaClass.Predicates.resideInAPackage("dev.jemma..")
                    .and(DescribedPredicate.not(JavaClass.Predicates.resideInAnyPackage(
                            ENGINE + ".api..",
                            ENGINE + ".io..",
                            ENGINE + ".tensor..",
                            ENGINE + ".gguf..",
                            ENGINE + ".safetensors.."))));

    /** Where a model comes from is known without knowing how it computes. */
    @ArchTest
    static final ArchRule checkpointsKnowNoModel = noClasses()
            .that()
            .resideInAPackage(ENGINE + ".checkpoint..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    ENGINE + ".kernel..",
                    ENGINE + ".gemma..",
                    ENGINE + ".lora..",
                    ENGINE + ".train..",
                    ENGINE + ".generate..",
                    ENGINE + ".chat..",
                    ENGINE + ".inspect..",
                    ENGINE);

    @ArchTest
    static final ArchRule whatAModelIsDoesNotSayWhereItComesFrom =
            roomKnowsNone(ENGINE + ".checkpoint.config..", ENGINE + ".checkpoint");

    /** A source of models is one more class behind {@link Checkpoint}. */
    @ArchTest
    static final ArchRule kindsOfCheckpointsAreKnownToCheckpointsAlone = classes()
            .that()
            .areAssignableTo(Checkpoint.class)
            .and()
            .areNotInterfaces()
            .should()
            .bePackagePrivate();

    /** What a layer computes, what computes all of them, where results lie: the order in which the model is read. */
    @ArchTest
    static final ArchRule blocksKnowNoModel = roomKnowsNone(GEMMA + ".block..", GEMMA);

    @ArchTest
    static final ArchRule adaptersInAModelKnowNoBlocks = roomKnowsNone(GEMMA + ".adapter..", GEMMA, GEMMA + ".block..");

    @ArchTest
    static final ArchRule memoryOfAModelKnowsOnlyPlaces =
            roomKnowsNone(GEMMA + ".memory..", GEMMA, GEMMA + ".block..", GEMMA + ".adapter..");

    @ArchTest
    static final ArchRule othersSeeTheFaceOfTheModelAlone = noClasses()
            .that()
            .resideOutsideOfPackage(GEMMA + "..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(GEMMA + ".block..", GEMMA + ".adapter..", GEMMA + ".memory..");

    private static ArchRule roomKnowsNone(String room, String... above) {
        return noClasses()
                .that()
                .resideInAPackage(room)
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(above);
    }

    @ArchTest
    static final ArchRule valuesOfTemplatesKnowNoTemplates = noClasses()
            .that()
            .resideInAPackage(TEMPLATE + ".value..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(TEMPLATE, TEMPLATE + ".syntax..", TEMPLATE + ".run..");

    @ArchTest
    static final ArchRule syntaxOfTemplatesRunsNothing = noClasses()
            .that()
            .resideInAPackage(TEMPLATE + ".syntax..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(TEMPLATE, TEMPLATE + ".run..");

    @ArchTest
    static final ArchRule templatesAreRunByTheirFace = noClasses()
            .that()
            .resideInAPackage(TEMPLATE + ".run..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage(TEMPLATE);

    @ArchTest
    static final ArchRule othersSeeTheFaceOfTemplatesAlone = noClasses()
            .that()
            .resideOutsideOfPackage(TEMPLATE + "..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(TEMPLATE + ".syntax..", TEMPLATE + ".value..", TEMPLATE + ".run..");

    /** A prompt that something else made of a template would be another one than {@code render} shows. */
    @ArchTest
    static final ArchRule promptsAreMadeByTheChatFormatAlone = noClasses()
            .that()
            .resideOutsideOfPackages(ENGINE + ".chat..", ENGINE + ".template..")
            .and()
            .doNotHaveFullyQualifiedName("dev.jemma.cli.RenderCommand")
            .should()
            .callMethodWhere(JavaCall.Predicates.target(
                            HasOwner.Predicates.With.owner(JavaClass.Predicates.type(ChatTemplate.class)))
                    .and(JavaCall.Predicates.target(HasName.Predicates.nameMatching("trace|render"))));

    /** Conversations are text: whoever learns from them or answers them knows them, not the other way round. */
    @ArchTest
    static final ArchRule conversationsKnowNoModel = noClasses()
            .that()
            .resideInAPackage(ENGINE + ".chat..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    ENGINE + ".tensor..",
                    ENGINE + ".kernel..",
                    ENGINE + ".gemma..",
                    ENGINE + ".lora..",
                    ENGINE + ".train..",
                    ENGINE + ".eval..",
                    ENGINE + ".generate..",
                    ENGINE);

    @ArchTest
    static final ArchRule modelIsWrittenAgainstTheSeamAlone = noClasses()
            .that()
            .resideInAnyPackage(ENGINE + ".gemma..", ENGINE + ".lora..", ENGINE + ".train..", ENGINE + ".generate..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(ENGINE + ".kernel.cpu..", ENGINE + ".kernel.cuda..");

    @ArchTest
    static final ArchRule modelKnowsNoAdapterFilesAndNoTraining = noClasses()
            .that()
            .resideInAPackage(ENGINE + ".gemma..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(ENGINE + ".lora..", ENGINE + ".train..", ENGINE + ".generate..", ENGINE);

    /** The packages of the CPU kernels, from the top: a package uses those behind it in the list, none before it. */
    private static final List<String> CPU_KERNELS = Stream.of(
                    "", ".attention", ".row", ".product", ".base", ".code", ".code.x86")
            .map(room -> ENGINE + ".kernel.cpu" + room)
            .toList();

    @ArchTest
    static void packagesOfTheCpuKernelsAreOneStraightLine(JavaClasses classes) {
        classes()
                .that()
                .resideInAPackage(ENGINE + ".kernel.cpu..")
                .should()
                .resideInAnyPackage(CPU_KERNELS.toArray(String[]::new))
                .check(classes);
        for (int i = 1; i < CPU_KERNELS.size(); i++) {
            noClasses()
                    .that()
                    .resideInAPackage(CPU_KERNELS.get(i))
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(CPU_KERNELS.subList(0, i).toArray(String[]::new))
                    .check(classes);
        }
    }

    /** Packages that may be divided further, into so few that a newcomer sees at a glance what is in them. */
    private static final Set<String> HOUSES = Set.of(
            ENGINE + ".kernel",
            ENGINE + ".kernel.cpu",
            ENGINE + ".template",
            ENGINE + ".checkpoint",
            ENGINE + ".gemma");

    private static final int MOST_ROOMS = 8;

    @ArchTest
    static void packagesHaveFewPackagesInThem(JavaClasses classes) {
        for (String house : HOUSES) {
            assertThat(classes.getPackage(house).getSubpackages()).as(house).hasSizeLessThanOrEqualTo(MOST_ROOMS);
        }
    }

    @ArchTest
    static final ArchRule vectorApiStaysInTheCpuKernels = noClasses()
            .that()
            .resideOutsideOfPackage(ENGINE + ".kernel.cpu..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("jdk.incubator.vector..");

    @ArchTest
    static final ArchRule nativeCallsStayInTheBindings = noClasses()
            .that()
            .resideOutsideOfPackages("dev.jemma.cuda..", ENGINE + ".kernel.cpu.code.x86")
            .should()
            .dependOnClassesThat()
            .haveFullyQualifiedName("java.lang.foreign.Linker");

    @ArchTest
    static final ArchRule onlyTheCliPrintsOrExits = noClasses()
            .that()
            .resideOutsideOfPackage("dev.jemma.cli..")
            .should()
            .accessField(System.class, "out")
            .orShould()
            .accessField(System.class, "err")
            .orShould()
            .callMethod(System.class, "exit", int.class);

    @ArchTest
    static final ArchRule noMutableStatics = noFields()
            .that()
            .areStatic()
            .and()
            .areDeclaredInClassesThat()
            .resideInAPackage("dev.jemma..")
            .should()
            .notHaveModifier(JavaModifier.FINAL);

    @ArchTest
    static final ArchRule nobodyDeclaresThrowable =
            noMethods().should().declareThrowableOfType(Throwable.class).allowEmptyShould(true);

    @ArchTest
    static final ArchRule everyPackageIsNullMarked = classes()
            .should(new ArchCondition<>("be in a @NullMarked package") {
                @Override
                public void check(JavaClass type, ConditionEvents events) {
                    boolean marked = type.getPackage().isAnnotatedWith(NullMarked.class)
                            || type.getName().endsWith("module-info");
                    events.add(new SimpleConditionEvent(
                            type, marked, type.getPackageName() + " has no @NullMarked package-info"));
                }
            });
}
