package dev.jemma.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.List;

/**
 * A kernel's parameters in C's layout, prepared once: the values, and the array of pointers to them that a launch
 * takes. A record's components are the parameters in order; writing one is a few stores.
 */
final class ParameterBlock {
    /** One parameter: where it lies, and how to get it from the record. */
    private record Slot(String name, Class<?> type, long offset, int bytes, MethodHandle get) {}

    private final Class<? extends Record> type;
    private final List<Slot> slots;
    private final MemorySegment values;
    private final MemorySegment pointers;

    ParameterBlock(MethodHandles.Lookup lookup, Class<? extends Record> type, Arena arena) {
        this.type = type;
        this.slots = slots(lookup, type);
        long bytes =
                slots.isEmpty() ? 1 : slots.getLast().offset() + slots.getLast().bytes();
        this.values = arena.allocate(bytes, Long.BYTES);
        this.pointers = arena.allocate(ADDRESS, Math.max(1, slots.size()));
        for (int i = 0; i < slots.size(); i++) {
            pointers.setAtIndex(
                    ADDRESS,
                    i,
                    values.asSlice(slots.get(i).offset(), slots.get(i).bytes()));
        }
    }

    private static List<Slot> slots(MethodHandles.Lookup lookup, Class<? extends Record> type) {
        List<Slot> slots = new ArrayList<>();
        long offset = 0;
        for (RecordComponent component : type.getRecordComponents()) {
            Class<?> kind = component.getType();
            int bytes = bytes(kind);
            if (bytes == 0) {
                throw new IllegalArgumentException("record " + type.getSimpleName() + ": component "
                        + component.getName() + " is a " + kind.getSimpleName()
                        + ", wanted DeviceBuffer, long, int, short, byte, float or double");
            }
            offset = Math.ceilDiv(offset, bytes) * bytes; // C's natural alignment
            try {
                MethodHandle get = lookup.unreflect(component.getAccessor());
                Class<?> seen = kind.isPrimitive() ? kind : DeviceBuffer.class;
                slots.add(new Slot(
                        component.getName(),
                        kind,
                        offset,
                        bytes,
                        get.asType(MethodType.methodType(seen, Record.class))));
            } catch (IllegalAccessException e) {
                throw new IllegalArgumentException(
                        "record " + type.getName()
                                + " is not accessible to the given lookup: pass the lookup of a class that sees it",
                        e);
            }
            offset += bytes;
        }
        return slots;
    }

    private static int bytes(Class<?> kind) {
        if (kind == DeviceBuffer.class || kind == long.class || kind == double.class) {
            return 8;
        }
        if (kind == int.class || kind == float.class) {
            return 4;
        }
        return kind == short.class ? 2 : kind == byte.class ? 1 : 0;
    }

    int count() {
        return slots.size();
    }

    long offset(int parameter) {
        return slots.get(parameter).offset();
    }

    int bytes(int parameter) {
        return slots.get(parameter).bytes();
    }

    /** {@code record VectorAdd, component int n}. */
    String describe(int parameter) {
        Slot slot = slots.get(parameter);
        return "record " + type.getSimpleName() + ", component " + slot.type().getSimpleName() + " " + slot.name();
    }

    String typeName() {
        return type.getSimpleName();
    }

    /** Writes the parameters and gives the array of pointers to them; buffers are checked to be open. */
    MemorySegment write(CudaContext context, Record parameters) {
        for (Slot slot : slots) {
            write(context, slot, parameters);
        }
        return pointers;
    }

    private void write(CudaContext context, Slot slot, Record from) {
        Class<?> kind = slot.type();
        long at = slot.offset();
        try {
            if (kind == DeviceBuffer.class) {
                DeviceBuffer buffer = (DeviceBuffer) slot.get().invokeExact(from);
                if (buffer.context() != context) {
                    throw new IllegalArgumentException(
                            "record " + type.getSimpleName() + ": " + slot.name() + " is memory of another context");
                }
                values.set(JAVA_LONG, at, buffer.address());
            } else if (kind == int.class) {
                values.set(JAVA_INT, at, (int) slot.get().invokeExact(from));
            } else if (kind == float.class) {
                values.set(JAVA_FLOAT, at, (float) slot.get().invokeExact(from));
            } else if (kind == long.class) {
                values.set(JAVA_LONG, at, (long) slot.get().invokeExact(from));
            } else if (kind == double.class) {
                values.set(JAVA_DOUBLE, at, (double) slot.get().invokeExact(from));
            } else if (kind == short.class) {
                values.set(JAVA_SHORT, at, (short) slot.get().invokeExact(from));
            } else {
                values.set(JAVA_BYTE, at, (byte) slot.get().invokeExact(from));
            }
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException("accessor " + slot.name() + " of " + type.getName() + " failed", e);
        }
    }
}
