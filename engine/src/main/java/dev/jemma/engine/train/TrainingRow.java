package dev.jemma.engine.train;

import dev.jemma.engine.api.TrainingExample;
import tools.jackson.databind.node.ArrayNode;

/** A row of a training file, in one of the forms that Hugging Face's TRL takes. */
public sealed interface TrainingRow {
    /**
     * {@code {"messages": [...], "tools": [...]}}: what the assistant says is learned.
     *
     * @param messages objects with role and content or tool_calls
     * @param tools declarations; empty for none
     */
    record Conversation(ArrayNode messages, ArrayNode tools) implements TrainingRow {}

    /** {@code {"prompt": "...", "completion": "..."}}: the completion is learned. */
    record PromptCompletion(String prompt, String completion) implements TrainingRow {}

    /** {@code {"text": "..."}}: everything is learned. */
    record PlainText(String text) implements TrainingRow {}

    /**
     * {@code {"input_ids": [...], "labels": [...]}}: as given.
     *
     * @param example ids and labels
     */
    record Tokens(TrainingExample example) implements TrainingRow {}
}
