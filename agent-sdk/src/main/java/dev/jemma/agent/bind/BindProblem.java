package dev.jemma.agent.bind;

import java.util.Objects;

/**
 * Why a value does not bind.
 *
 * @param path where, such as {@code rooms[2].level}; empty for the value as a whole
 * @param message what was seen and what is wanted, the path included; fit to be shown to the model
 */
public record BindProblem(String path, String message) {
    public BindProblem {
        Objects.requireNonNull(path, "path");
        Objects.requireNonNull(message, "message");
    }

    @Override
    public String toString() {
        return message;
    }
}
