package dev.jemma.engine.template;

import java.util.Set;

/**
 * The filters and tests that there are. A template that names another one is refused when it is read, as jinja2 does.
 *
 * @param filters names behind a bar
 * @param tests names behind {@code is}
 */
record KnownNames(Set<String> filters, Set<String> tests) {
    KnownNames {
        filters = Set.copyOf(filters);
        tests = Set.copyOf(tests);
    }
}
