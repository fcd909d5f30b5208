package dev.jemma.engine.template.syntax;

import java.util.Set;

/**
 * The filters and tests that there are. A template that names another one is refused when it is read, as jinja2 does.
 *
 * @param filters names behind a bar
 * @param tests names behind {@code is}
 */
public record KnownNames(Set<String> filters, Set<String> tests) {
    public KnownNames {
        filters = Set.copyOf(filters);
        tests = Set.copyOf(tests);
    }
}
