package dev.jemma.engine.train;

import dev.jemma.engine.api.TrainingExample;
import dev.jemma.engine.chat.Conversation;

/** A row of a training file, in one of the forms that Hugging Face's TRL takes. */
public sealed interface TrainingRow {
    /** {@code {"messages": [...], "tools": [...]}}: what the assistant says is learned. */
    record Chat(Conversation conversation) implements TrainingRow {}

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
