package dev.jemma.engine.eval;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Stream;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * What came of a run.
 *
 * @param all right answers of all
 * @param parsed answers in which every call that was begun could be read
 * @param strict answers of which none needed a repair, of all
 * @param schemaValid answers whose calls exist and have valid arguments, of all
 * @param refusals right answers of those where calling nothing is right
 * @param byCategory right answers by the rows' categories, in alphabetical order
 * @param unseenTools right answers of the rows marked as having only tools that training never saw
 * @param tokensPerSecond how fast the answers were generated, if they were
 */
public record EvalReport(
        Proportion all,
        Proportion parsed,
        Proportion strict,
        Proportion schemaValid,
        Proportion refusals,
        Map<String, Proportion> byCategory,
        Proportion unseenTools,
        OptionalDouble tokensPerSecond) {
    public EvalReport {
        Objects.requireNonNull(tokensPerSecond, "tokensPerSecond");
        byCategory = Collections.unmodifiableMap(new TreeMap<>(byCategory));
    }

    /** Adds up verdicts. */
    public static EvalReport of(List<Verdict> verdicts, OptionalDouble tokensPerSecond) {
        Map<String, Proportion> categories = new TreeMap<>();
        for (Verdict verdict : verdicts) {
            categories.merge(
                    verdict.row().category(),
                    new Proportion(1, verdict.correct() ? 1 : 0),
                    (a, b) -> new Proportion(a.rows() + b.rows(), a.correct() + b.correct()));
        }
        return new EvalReport(
                count(verdicts.stream(), Verdict::correct),
                count(verdicts.stream(), Verdict::parsed),
                count(
                        verdicts.stream(),
                        verdict -> verdict.parsed() && verdict.repairs().isEmpty()),
                count(verdicts.stream(), Verdict::schemaValid),
                count(verdicts.stream().filter(Verdict::wantsRefusal), Verdict::correct),
                categories,
                count(
                        verdicts.stream()
                                .filter(verdict -> verdict.row().unseenTools().orElse(false)),
                        Verdict::correct),
                tokensPerSecond);
    }

    private static Proportion count(Stream<Verdict> verdicts, Predicate<Verdict> counts) {
        List<Verdict> all = verdicts.toList();
        return new Proportion(all.size(), all.stream().filter(counts).count());
    }

    /**
     * The JSON of {@code jemma eval}: {@code rows, correct, accuracy, ci95, parsed, schema_valid, refusals_correct,
     * by_category, unseen_tools, tokens_per_second}. {@code parsed}, {@code schema_valid} are shares of all rows,
     * {@code refusals_correct} of the rows that want a refusal (null if there are none).
     */
    public ObjectNode toJson() {
        ObjectNode json = all.toJson();
        json.putArray("ci95").add(all.low()).add(all.high());
        json.put("parsed", parsed.rate());
        json.put("parsed_strictly", strict.rate());
        json.put("schema_valid", schemaValid.rate());
        if (refusals.rows() == 0) {
            json.putNull("refusals_correct");
        } else {
            json.put("refusals_correct", refusals.rate());
        }
        ObjectNode categories = json.putObject("by_category");
        byCategory.forEach((name, proportion) -> categories.set(name, proportion.toJson()));
        json.set("unseen_tools", unseenTools.toJson());
        if (tokensPerSecond.isPresent()) {
            json.put("tokens_per_second", tokensPerSecond.getAsDouble());
        } else {
            json.set("tokens_per_second", JsonNodeFactory.instance.nullNode());
        }
        return json;
    }
}
