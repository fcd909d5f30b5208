package dev.jemma.agent.bind;

import dev.jemma.agent.bind.ValueType.Field;
import dev.jemma.agent.bind.ValueType.Presence;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Writes {@link ValueType}s as JSON Schemas (2020-12). Recursive types go into {@code $defs} at the root. */
public final class SchemaWriter {
    /** How much a schema says. */
    public enum Detail {
        /** What a model needs to know; every word is prompt. */
        PROMPT,
        /** Everything that binding asks for, as far as a schema can say it: for decoding by a grammar. */
        GRAMMAR
    }

    private final Detail detail;
    private final ObjectNode definitions = JsonNodeFactory.instance.objectNode();

    private SchemaWriter(Detail detail) {
        this.detail = detail;
    }

    /** The schema of one type. */
    public static ObjectNode schema(ValueType type) {
        SchemaWriter writer = new SchemaWriter(Detail.PROMPT);
        return writer.withDefinitions(writer.write(type));
    }

    /** The schema of an object with these entries. */
    public static ObjectNode schema(List<Field> fields, Detail detail) {
        SchemaWriter writer = new SchemaWriter(detail);
        return writer.withDefinitions(writer.object(fields));
    }

    private ObjectNode withDefinitions(ObjectNode schema) {
        if (!definitions.isEmpty()) {
            schema.set("$defs", definitions);
        }
        return schema;
    }

    private ObjectNode write(ValueType type) {
        ObjectNode schema = JsonNodeFactory.instance.objectNode();
        return switch (type) {
            case ValueType.Scalar(ScalarKind kind) -> scalar(kind, schema);
            case ValueType.Enumeration enumeration -> {
                schema.put("type", "string");
                ArrayNode names = schema.putArray("enum");
                enumeration.constants().keySet().forEach(names::add);
                yield schema;
            }
            case ValueType.Structure structure -> object(structure.fields());
            case ValueType.Sequence sequence -> {
                schema.put("type", "array");
                schema.set("items", write(sequence.items()));
                if (sequence.kind() == ValueType.SequenceKind.SET) {
                    schema.put("uniqueItems", true);
                }
                yield schema;
            }
            case ValueType.Mapping mapping -> {
                schema.put("type", "object");
                schema.set("additionalProperties", write(mapping.values()));
                if (detail == Detail.GRAMMAR) {
                    schema.set("propertyNames", write(mapping.keys()));
                }
                yield schema;
            }
            case ValueType.Maybe maybe -> write(maybe.value());
            case ValueType.Choice choice -> {
                ArrayNode options = schema.putArray("anyOf");
                for (Map.Entry<String, ValueType> option : choice.options().entrySet()) {
                    options.add(option(choice.discriminator(), option.getKey(), option.getValue()));
                }
                yield schema;
            }
            case ValueType.Anything anything -> schema;
            case ValueType.Reference reference -> {
                define(reference);
                yield schema.put("$ref", "#/$defs/" + reference.name());
            }
        };
    }

    private ObjectNode scalar(ScalarKind kind, ObjectNode schema) {
        schema.put("type", kind.schemaType());
        String format = detail == Detail.GRAMMAR ? kind.exactFormat() : kind.format();
        if (!format.isEmpty()) {
            schema.put("format", format);
        }
        boolean small = kind == ScalarKind.BYTE || kind == ScalarKind.SHORT;
        if (small || detail == Detail.GRAMMAR && (kind == ScalarKind.INT || kind == ScalarKind.LONG)) {
            schema.put("minimum", Numbers.least(kind)).put("maximum", Numbers.most(kind));
        }
        if (kind == ScalarKind.CHAR) {
            schema.put("minLength", 1).put("maxLength", 1);
        }
        return schema;
    }

    private ObjectNode object(List<Field> fields) {
        ObjectNode schema = JsonNodeFactory.instance.objectNode();
        schema.put("type", "object");
        ObjectNode properties = schema.putObject("properties");
        ArrayNode required = schema.putArray("required");
        for (Field field : fields) {
            ObjectNode property = write(field.type());
            if (!field.description().isEmpty()) {
                property.put("description", field.description());
            }
            switch (field.presence()) {
                case Presence.Required() -> required.add(field.name());
                case Presence.Defaulted defaulted -> property.set("default", defaulted.value());
                case Presence.Absent() -> {}
            }
            properties.set(field.name(), property);
        }
        return schema;
    }

    /** A record of a choice: its own schema with the discriminator in front. */
    private ObjectNode option(String discriminator, String name, ValueType type) {
        ValueType target = type instanceof ValueType.Reference reference
                ? reference.target().get()
                : type;
        ObjectNode schema = object(((ValueType.Structure) target).fields());
        ObjectNode properties = JsonNodeFactory.instance.objectNode();
        properties
                .putObject(discriminator)
                .put("type", "string")
                .putArray("enum")
                .add(name);
        properties.setAll((ObjectNode) schema.get("properties"));
        ArrayNode required = JsonNodeFactory.instance.arrayNode().add(discriminator);
        schema.get("required").forEach(required::add);
        schema.set("properties", properties);
        schema.set("required", required);
        return schema;
    }

    private void define(ValueType.Reference reference) {
        if (!definitions.has(reference.name())) {
            // a place holder first: the definition refers to itself
            definitions.putObject(reference.name());
            definitions.set(reference.name(), write(reference.target().get()));
        }
    }
}
