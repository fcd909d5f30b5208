package dev.jemma.engine.eval;

import dev.jemma.engine.toolcall.AppliedRepair;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * What came of one prediction.
 *
 * @param row the question
 * @param prediction the model's answer, as text
 * @param reason the leaderboard's name of the first mistake; empty if the answer is right
 * @param explanation the mistake in a sentence; empty if the answer is right
 * @param calls how many calls could be read
 * @param parsed whether every call that the answer began could be read
 * @param repairs what had to be forgiven for that
 * @param schemaProblems where the calls break their tools' schemas
 */
public record Verdict(
        EvalRow row,
        String prediction,
        String reason,
        String explanation,
        int calls,
        boolean parsed,
        List<AppliedRepair> repairs,
        List<String> schemaProblems) {
    public Verdict {
        repairs = List.copyOf(repairs);
        schemaProblems = List.copyOf(schemaProblems);
    }

    /** Whether the calls are the wanted ones. */
    public boolean correct() {
        return reason.isEmpty();
    }

    /** Whether everything that was called exists and has valid arguments. */
    public boolean schemaValid() {
        return parsed && schemaProblems.isEmpty();
    }

    /** Whether the right answer is to call nothing. */
    public boolean wantsRefusal() {
        return row.accepted().isEmpty();
    }

    /**
     * The line of a details file: {@code {"id", "correct", "reason", "prediction"}}, and the explanation where there is
     * one.
     */
    public ObjectNode toJson() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("id", row.id());
        json.put("correct", correct());
        json.put("reason", reason);
        json.put("prediction", prediction);
        Optional.of(explanation).filter(text -> !text.isEmpty()).ifPresent(text -> json.put("explanation", text));
        return json;
    }
}
