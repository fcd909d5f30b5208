package dev.jemma.samebits;

import dev.jemma.samebits.Case.Model;
import dev.jemma.samebits.Case.Precision;
import dev.jemma.samebits.Case.Rows;
import dev.jemma.samebits.Case.Size;
import dev.jemma.samebits.Case.Work;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * Which cases are run. As users run it, every tiny model meets every arithmetic with every form of weights; in the
 * other modes a tiny model takes its turn, because a width of vectors is the kernels' affair and no model's.
 */
final class Matrix {
    /** How much is wanted. */
    enum Extent {
        WHOLE,
        QUICK;

        static Extent parse(String text) {
            return valueOf(text.toUpperCase(Locale.ROOT));
        }
    }

    private static final Precision REFERENCE = new Precision("f32", "auto");
    private static final Precision ROUNDED = new Precision("bf16", "auto");

    /** The first ones are those of a quick run. */
    private static final List<Precision> ALL = List.of(
            REFERENCE,
            new Precision("bf16", "q8"),
            new Precision("int8", "q4"),
            ROUNDED,
            new Precision("f32", "q4"),
            new Precision("int8", "q8"),
            new Precision("f32", "q8"),
            new Precision("bf16", "q4"));

    /**
     * What they ask for is what others have: int8 is f32 where weights have no blocks, and tiny models are stored in
     * bf16.
     */
    private static final List<Precision> ALIASES = List.of(new Precision("int8", "auto"), new Precision("f32", "bf16"));

    /** The Vector API's products: f32, rounded to bf16, and blocks of 8 and 4 bits. */
    private static final List<Precision> WITHOUT_CODE =
            List.of(new Precision("bf16", "q8"), REFERENCE, ROUNDED, new Precision("int8", "q4"));

    private static final List<Precision> REAL =
            List.of(REFERENCE, ROUNDED, new Precision("int8", "q8"), new Precision("bf16", "q4"));

    private static final String STEPS = "--max-steps 12 --batch-size 2 --lora-r 4";
    private static final String PROMPT = "--ids 2,9,44,17,60,31,8,25,77,12,5 --ignore-eos --max-new-tokens 24";
    private static final String GREEDY = PROMPT + " --temperature 0";
    private static final String SAMPLED = PROMPT + " --temperature 1 --top-k 40 --top-p 0.95 --seed 7";

    private final Extent extent;
    private final List<Case> cases = new ArrayList<>();
    private final List<String> skipped = new ArrayList<>();

    private Matrix(Extent extent) {
        this.extent = extent;
    }

    /**
     * The cases that can be run here.
     *
     * @param reference folder of reference models, which need not exist
     * @param real folder of Gemma 3 270M, which need not exist
     */
    static Matrix of(Data data, Extent extent, Path reference, Path real) throws IOException {
        Matrix matrix = new Matrix(extent);
        matrix.addReal(data, real);
        Rows ids = data.ofIds();
        List<Model> small = data.bundled(ids);
        List<Model> main = new ArrayList<>();
        if (Files.isDirectory(reference)) {
            main.addAll(Data.modelsIn(reference, "", ids));
            small.forEach(model -> matrix.add(model, ALL.subList(0, 2)));
        } else {
            matrix.skipped.add("the reference models: no folder " + reference);
            main.addAll(small);
        }
        main.add(data.demo(ids));
        main.forEach(model -> matrix.add(model, matrix.some(ALL, 3)));
        matrix.add(small.getFirst(), matrix.some(ALIASES, 0));
        matrix.addOtherModes(
                Stream.concat(small.stream(), main.stream()).distinct().toList());
        main.forEach(matrix::addWaysOfTraining);
        matrix.addConversations(data);
        return matrix;
    }

    /** All cases. */
    List<Case> cases() {
        return List.copyOf(cases);
    }

    /** What there is no case for, and why. */
    List<String> skipped() {
        return List.copyOf(skipped);
    }

    private <T> List<T> some(List<T> all, int quick) {
        return extent == Extent.QUICK ? all.subList(0, Math.min(quick, all.size())) : all;
    }

    private void add(Model model, List<Precision> precisions) {
        precisions.forEach(precision -> addBasics(model, Mode.usual(), precision));
    }

    /**
     * Every precision in one of the narrower modes, some of them in each without machine code, with {@code models} by
     * turns.
     */
    private void addOtherModes(List<Model> models) {
        Iterator<Model> turns =
                Stream.generate(() -> models).flatMap(List::stream).iterator();
        List<Mode> narrower = Mode.narrower();
        List<Precision> precisions = some(ALL, narrower.size());
        for (int i = 0; i < precisions.size() && !narrower.isEmpty(); i++) {
            addBasics(turns.next(), narrower.get(i % narrower.size()), precisions.get(i));
        }
        for (Mode mode : Mode.withoutMachineCode()) {
            some(WITHOUT_CODE, 1).forEach(precision -> addBasics(turns.next(), mode, precision));
        }
    }

    /**
     * Logits, losses, moments, adapters and ids: greedy in one case, drawn in the next. A quarter of the cases has two
     * threads.
     */
    private void addBasics(Model model, Mode mode, Precision precision) {
        int threads = cases.size() % 4 == 3 ? 2 : 1;
        if (cases.size() % 2 == 0) {
            add(model, mode, precision, threads, "logits, training, greedy ids", jemma -> {
                jemma.score("score");
                jemma.train("train", jemma.model().rows().learned(), STEPS);
                jemma.generate("generate", GREEDY);
            });
        } else {
            add(model, mode, precision, threads, "logits, training, seeded ids with the adapter", jemma -> {
                jemma.score("score");
                jemma.train("train", jemma.model().rows().learned(), STEPS);
                jemma.generate("generate", SAMPLED, "--adapter", jemma.out("train"));
            });
        }
    }

    /** What training does beside the usual, each run with the logits of what it trained and the merged weights. */
    private void addWaysOfTraining(Model model) {
        List<Case> all = new ArrayList<>();
        all.add(trained(
                model,
                REFERENCE,
                "rsLoRA, patterns, accumulation, decay",
                "--max-steps 6 --batch-size 2 --gradient-accumulation-steps 2 --lora-r 4 --use-rslora"
                        + " --rank-pattern v_proj=2 --alpha-pattern down_proj=64 --weight-decay 0.1"
                        + " --lr-scheduler-type cosine --warmup-steps 2"));
        all.add(trained(
                model,
                new Precision("bf16", "q8"),
                "embedding and head, dropout, recomputing",
                "--max-steps 6 --batch-size 2 --lora-r 4 --target-modules q_proj,v_proj,embed_tokens,lm_head"
                        + " --lora-dropout 0.1 --gradient-checkpointing"));
        all.add(trained(
                model,
                ROUNDED,
                "packing, evaluation",
                "--max-steps 6 --batch-size 2 --lora-r 4 --packing --max-length 96 --eval-steps 3 --eval-data",
                model.rows().scored()));
        if (!model.adapters().isEmpty()) {
            all.add(new Case(model, Mode.usual(), REFERENCE, 1, "adapters that it has", jemma -> {
                for (Path adapter : model.adapters()) {
                    jemma.score("score with " + adapter.getFileName(), adapter);
                }
                jemma.score("score with all", model.adapters().toArray(Path[]::new));
                Path first = model.adapters().getFirst();
                jemma.train("train", model.rows().learned(), "--max-steps 2 --batch-size 2 --init-adapter", first);
            }));
        }
        if (extent == Extent.WHOLE) {
            cases.addAll(all);
        } else {
            cases.add(all.get(cases.size() % 3));
        }
    }

    private static Case trained(Model model, Precision precision, String what, Object... options) {
        return new Case(model, Mode.usual(), precision, 1, "training with " + what, jemma -> {
            jemma.train("train", model.rows().learned(), options);
            jemma.score("score", jemma.out("train"));
            jemma.merge("merge", jemma.out("train"), "float32");
        });
    }

    private void addConversations(Data data) throws IOException {
        Path question = data.question();
        Path learned = data.demonstration("train.jsonl", 6);
        Path judged = data.demonstration("test.jsonl", 3);
        Model model = data.demo(new Rows(judged, learned));
        add(model, Mode.usual(), REFERENCE, 2, "conversations with tools", jemma -> {
            jemma.score("score");
            jemma.train("train", learned, "--max-steps 3 --batch-size 2 --lora-r 8");
            jemma.generate("generate", "--temperature 0 --max-new-tokens 24 --messages", question);
            jemma.eval("eval", judged, 32);
        });
    }

    /** A model of a real size and the quantized file that it comes with. */
    private void addReal(Data data, Path folder) throws IOException {
        if (extent == Extent.QUICK) {
            skipped.add("Gemma 3 270M: this is a quick run");
            return;
        }
        if (!Files.exists(folder.resolve("model.safetensors"))) {
            skipped.add("Gemma 3 270M: no model.safetensors in " + folder);
            return;
        }
        Rows rows = data.ofText();
        Path question = data.question();
        Model model = new Model("Gemma 3 270M", folder, Size.REAL, rows, List.of());
        for (Precision precision : REAL) {
            add(model, Mode.usual(), precision, 1, "logits, training, ids", jemma -> {
                jemma.score("score");
                jemma.train("train", rows.learned(), STEPS);
                jemma.generate("greedy", "--temperature 0 --max-new-tokens 16 --messages", question);
                jemma.generate("seeded", SAMPLED, "--adapter", jemma.out("train"));
            });
        }
        for (Mode mode : Mode.withoutMachineCode()) {
            Precision precision = mode.bits() == 256 ? ROUNDED : new Precision("bf16", "q8");
            add(model, mode, precision, 1, "logits", jemma -> jemma.score("score"));
        }
        Path file = folder.resolve("gemma-3-270m-q4_k_m.gguf");
        if (Files.exists(file)) {
            Model quantized = new Model("Gemma 3 270M Q4_K_M", file, Size.REAL, rows, List.of());
            add(quantized, Mode.usual(), new Precision("int8", "q8"), 1, "logits, greedy ids", jemma -> {
                jemma.score("score");
                jemma.generate("generate", GREEDY);
            });
        } else {
            skipped.add("a quantized file: no " + file);
        }
    }

    private void add(Model model, Mode mode, Precision precision, int threads, String what, Work work) {
        cases.add(new Case(model, mode, precision, threads, what, work));
    }
}
