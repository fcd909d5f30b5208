package dev.jemma.tests;

import java.util.Optional;

/** A system property with another value until it is closed. */
public final class SystemProperty implements AutoCloseable {
    private final String name;
    private final Optional<String> before;

    private SystemProperty(String name) {
        this.name = name;
        before = Optional.ofNullable(System.getProperty(name));
    }

    /** Sets it. */
    public static SystemProperty set(String name, String value) {
        SystemProperty property = new SystemProperty(name);
        System.setProperty(name, value);
        return property;
    }

    /** Removes it. */
    public static SystemProperty clear(String name) {
        SystemProperty property = new SystemProperty(name);
        System.clearProperty(name);
        return property;
    }

    @Override
    public void close() {
        before.ifPresentOrElse(value -> System.setProperty(name, value), () -> System.clearProperty(name));
    }
}
