package dev.jemma.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.engine.api.Arithmetic;
import dev.jemma.engine.api.LoraConfig;
import dev.jemma.engine.api.RowOptions;
import dev.jemma.engine.api.TrainingConfig;
import dev.jemma.tests.AutoCompute;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/**
 * What people script: the names of commands and flags, their defaults, exit statuses, and what goes to which stream.
 */
@AutoCompute
final class ContractTest {
    private static final Path MODEL = Ran.MODELS.resolve("gemma3");

    private static CommandSpec spec(String command) {
        return Objects.requireNonNull(Main.commandLine().getSubcommands().get(command), command)
                .getCommandSpec();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "demo|--model --out",
                "inspect|--json",
                "score|--model --adapter --data --logits --json",
                "generate|--model --adapter --prompt --ids --messages --max-new-tokens --temperature --top-k --top-p --min-p"
                        + " --repetition-penalty --seed --stop --ignore-eos --json --chat-template --tool-format",
                "chat|--model --adapter --tools --system --chat-template --tool-format",
                "train|--model --data --out --eval-data --config --init-adapter --resume --dry-run --metrics --max-length --truncate"
                        + " --packing --no-packing --assistant-only-loss --no-assistant-only-loss --no-shuffle --save-steps"
                        + " --save-total-limit --eval-steps --learning-rate --lr-scheduler-type --warmup-steps --warmup-ratio"
                        + " --weight-decay --max-grad-norm --batch-size --per-device-train-batch-size --gradient-accumulation-steps"
                        + " --num-train-epochs --max-steps --seed --lora-r --lora-alpha --lora-dropout --target-modules"
                        + " --use-rslora --no-use-rslora --chat-template --tool-format",
                "eval|--model --adapter --predictions --data --details --json",
                "merge|--model --adapter --out --dtype",
                "tokenize|--model --no-bos --data",
                "render|--model --template --data --add-generation-prompt --mask",
                "bench|--model --adapter -p -n -t -r --train --json",
                "doctor|--json",
            })
    void everyFlagOfTheContractIsThere(String command, String flags) {
        assertThat(names(spec(command))).contains(flags.split(" "));
    }

    /** With the negated names of booleans. */
    private static List<String> names(CommandSpec command) {
        List<String> names = new ArrayList<>();
        for (OptionSpec option : command.options()) {
            names.addAll(Arrays.asList(option.names()));
            if (option.negatable()) {
                for (String name : option.names()) {
                    names.add(command.negatableOptionTransformer().makeNegative(name, command));
                }
            }
        }
        return names;
    }

    @ParameterizedTest
    @CsvSource({
        "--learning-rate,2e-4",
        "--lr-scheduler-type,linear",
        "--warmup-steps,0",
        "--weight-decay,0",
        "--max-grad-norm,1",
        "--batch-size,8",
        "--gradient-accumulation-steps,1",
        "--num-train-epochs,3",
        "--max-length,2048",
        "--packing,false",
        "--assistant-only-loss,true",
        "--shuffle,true",
        "--seed,42",
        "--lora-r,16",
        "--lora-alpha,32",
        "--lora-dropout,0",
        "--target-modules,all-linear",
        "--use-rslora,false",
    })
    void defaultsOfTrainAreAsDocumented(String flag, String value) {
        assertThat(spec("train").findOption(flag).defaultValueString()).isEqualTo(value);
    }

    @Test
    void everyOptionOfTrainThatMustHaveAValueHasTheEngines() {
        CommandLine line = Main.commandLine("train");
        line.parseArgs("train", "--data", "d", "--out", "o");
        TrainCommand train =
                Objects.requireNonNull(line.getSubcommands().get("train")).getCommand();
        assertThat(train.config()).isEqualTo(TrainingConfig.defaults());
        assertThat(train.adapter()).isEqualTo(LoraConfig.defaults());
        assertThat(train.rows()).isEqualTo(RowOptions.defaults());
    }

    @Test
    void everyArithmeticIsNamedByHelpAndByTheMessageAboutAWrongOne() {
        List<String> keys =
                Arrays.stream(Arithmetic.values()).map(Arithmetic::key).toList();
        assertThat(Ran.jemma("score", "--help").out()).contains("--compute=auto|" + String.join("|", keys));
        assertThat(Ran.jemma("score", "--data", "d", "--compute", "f17").err()).contains(keys);
    }

    @Test
    void helpListsEveryCommandAndIsDone() {
        Ran ran = Ran.jemma("--help");
        assertThat(ran.status()).isZero();
        assertThat(ran.out()).contains(Main.commandLine().getSubcommands().keySet());
        assertThat(ran.err()).isEmpty();
        for (String command : Main.commandLine().getSubcommands().keySet()) {
            Ran help = Ran.jemma(command, "--help");
            assertThat(help.status()).as(command).isZero();
            assertThat(help.out()).startsWith("Usage: jemma " + command);
        }
        assertThat(Ran.jemma("--version").out()).startsWith("jemma ");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '#',
            quoteCharacter = '`',
            value = {
                "#name a command",
                "teach#Unmatched argument at index 0: 'teach'",
                "train#Missing required options: '--data=F.jsonl', '--out=DIR'",
                "train --data d --out o#Missing required option: '--model=DIR'",
                "train --data d --out o --learning-rate fast#Invalid value for option '--learning-rate': 'fast' is not a double",
                "train --data d --out o --learning-rat 1#Unknown options: '--learning-rat', '1'",
                "generate --model m#Missing required argument (specify one of these): (--prompt=TEXT | --ids=1,2,3 [--ids=1,2,3]... | --messages=FILE)",
                "generate --model m --prompt a --ids 1#--prompt=TEXT, --ids=1,2,3 are mutually exclusive (specify only one)",
                "score --data d --compute fp8#Invalid value for option '--compute': compute is 'fp8', wanted auto, f32, int8 or bf16",
                "score --data d --device gpu#Invalid value for option '--device': device is 'gpu', wanted auto, cpu, cuda or cuda:N",
                "eval --data d#name either --model or --predictions",
                "merge --model m --adapter a --out o --dtype int8#Invalid value for option '--dtype': expected one of [BFLOAT16, FLOAT16, FLOAT32] (case-insensitive) but was 'int8'",
                "inspect#Missing required parameter: 'PATH'",
            })
    void wrongUsageIsStatusTwoAndTwoLines(String arguments, String message) {
        Ran ran = Ran.jemma(arguments == null ? List.of() : List.of(arguments.split(" ")));
        assertThat(ran.status()).isEqualTo(2);
        assertThat(ran.out()).isEmpty();
        assertThat(ran.err().lines()).hasSize(2).first().asString().isEqualTo("jemma: " + message);
        assertThat(ran.err().lines().toList().getLast()).endsWith("--help' lists what it takes");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "inspect nowhere|nowhere does not exist",
                "score --model nowhere --data d.jsonl|nowhere: has no config.json; wanted a model folder as Hugging Face lays it out",
                "score --model MODEL/lora --data d|MODEL/lora: has no config.json; it is a LoRA adapter, wanted the model it belongs to",
                "score --model MODEL --data nowhere.jsonl|nowhere.jsonl does not exist",
                "score --model MODEL --adapter nowhere --data d|nowhere: has no adapter_config.json, wanted a LoRA adapter as PEFT saves it",
                "train --model MODEL --data nowhere.jsonl --out o|nowhere.jsonl does not exist",
                "train --model MODEL --data d --out o --learning-rate -1|learning_rate is -1.0, wanted 0 or more",
                "train --model MODEL --data d --out o --batch-size 0|per_device_train_batch_size is 0, wanted 1 or more",
                "generate --model MODEL --prompt hello|MODEL: has no tokenizer, which text needs; token ids can be used without",
                "generate --model MODEL --ids 5,96|token id 96, wanted 0 to 95",
                "tokenize --model MODEL --data d|MODEL has no tokenizer.json; copy the one that belongs to the model into it",
                "merge --model MODEL --adapter MODEL/lora --out MODEL|MODEL: is not empty, wanted a new or empty folder",
                "eval --predictions nowhere.jsonl --data nowhere.jsonl|nowhere.jsonl does not exist",
            })
    void failureIsStatusOneAndOneLine(String arguments, String message) {
        Ran ran = Ran.jemma(List.of(arguments.replace("MODEL", MODEL.toString()).split(" ")));
        assertThat(ran.err().lines().filter(line -> !line.startsWith("warning:")))
                .containsExactly("jemma: " + message.replace("MODEL", MODEL.toString()));
        assertThat(ran.status()).isEqualTo(1);
        assertThat(ran.out()).isEmpty();
    }

    @Test
    void stackTracesAreForThoseWhoAskForThem() {
        assertThat(Ran.jemma("inspect", "nowhere").err()).doesNotContain("\tat ");
        assertThat(Ran.jemma("inspect", "nowhere", "--verbose").err())
                .startsWith("jemma: nowhere does not exist")
                .contains("\tat ");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "inspect",
                "score",
                "generate",
                "chat",
                "train",
                "eval",
                "merge",
                "tokenize",
                "render",
                "doctor",
                "demo"
            })
    void globalFlagsAreTakenByEveryCommand(String command) {
        assertThat(names(spec(command))).contains("--device", "--compute", "--threads", "--verbose");
    }
}
