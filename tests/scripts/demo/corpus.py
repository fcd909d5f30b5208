"""What the base model is trained on: made-up functions, called with made-up words, numbers and dates in made-up sentences.

No sentence, function or row of the demo occurs here. What the base learns is the form: read signatures, copy spans, write JSON, turn dates."""
import json
from words import FILLERS, LETTERS, MONTHS


def camel(rng):
    first, second = LETTERS.word(rng), LETTERS.word(rng)
    return first + second.title() if rng.random() < 0.8 else first


def name_like(rng):
    w = LETTERS.word(rng)
    return w if rng.random() < 0.5 else w.title()


def phrase(rng):
    n = rng.choice([1, 1, 2, 2, 2, 3])
    words = [LETTERS.word(rng) for _ in range(n)]
    style = rng.random()
    return " ".join(w.title() for w in words) if style < 0.4 else " ".join(words)


def integer(rng):
    return rng.randint(0, 9) if rng.random() < 0.2 else rng.randint(10, 99) if rng.random() < 0.5 else rng.randint(100, 9999)


def decimal(rng):
    return round(rng.randint(1, 999) / 10, 1) if rng.random() < 0.8 else round(rng.uniform(0, 100), 2)


def iso_date(rng):
    return f"{rng.randint(2000, 2039)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"


def spoken_date(rng, iso):
    y, m, d = iso.split("-")
    return iso if rng.random() < 0.4 else f"{int(d)} {MONTHS[int(m) - 1]} {y}"


def items(rng):
    return [phrase(rng) if rng.random() < 0.3 else LETTERS.word(rng) for _ in range(rng.randint(1, 4))]


def joined(values):
    return values[0] if len(values) == 1 else ", ".join(values[:-1]) + " and " + values[-1]


class Parameter:
    """A parameter of a made-up function: how its signature reads, and how a value stands in a sentence and in JSON."""

    def __init__(self, rng, nested=True):
        self.name = LETTERS.word(rng)
        kind = rng.random()
        self.kind = ("word" if kind < 0.3 else "integer" if kind < 0.45 else "decimal" if kind < 0.6 else "date" if kind < 0.75
                     else "list" if kind < 0.84 else "enum" if kind < 0.92 or not nested else "record")
        self.constants = [LETTERS.word(rng).upper() for _ in range(rng.randint(2, 4))] if self.kind == "enum" else []
        self.fields = [Parameter(rng, nested=False) for _ in range(rng.randint(2, 3))] if self.kind == "record" else []
        if not nested and self.kind in ("list", "enum"):
            self.kind, self.constants = "word", []

    def schema(self):
        if self.kind == "record":
            return {"type": "object", "properties": {f.name: f.schema() for f in self.fields}}
        if self.kind == "list":
            return {"type": "array", "items": {"type": "string"}}
        return {"type": "string", **({"enum": self.constants} if self.constants else {})}

    def value(self, rng):
        """The spans in which the value stands in a sentence, and its JSON value."""
        match self.kind:
            case "word": v = phrase(rng); return [v], v
            case "integer": v = integer(rng); return [str(v)], v
            case "decimal": v = decimal(rng); return [str(v)], v
            case "date": v = iso_date(rng); return [spoken_date(rng, v)], v
            case "list": v = items(rng); return [joined(v)], v
            case "enum": v = rng.choice(self.constants); return [v if rng.random() < 0.5 else v.lower()], v
        spans, record = [], {}
        for f in self.fields:
            s, record[f.name] = f.value(rng)
            spans += s
        return spans, record


class Function:
    def __init__(self, rng):
        self.name = camel(rng)
        self.parameters = [Parameter(rng) for _ in range(rng.choice([1, 2, 2, 3]))]

    def tool(self):
        return {"type": "function", "function": {"name": self.name, "description": "", "parameters":
                {"type": "object", "properties": {p.name: p.schema() for p in self.parameters}}}}


def filler(rng, low, high):
    return [rng.choice(FILLERS) for _ in range(rng.randint(low, high))]


def sentence(rng, words):
    s = " ".join(words)
    return (s[0].upper() + s[1:] if rng.random() < 0.6 else s) + rng.choice(["", ".", ".", "?", "!"])


def ask(rng, f):
    """A sentence that calls `f`, and the call."""
    spans, arguments = [], {}
    for p in f.parameters:
        s, arguments[p.name] = p.value(rng)
        spans.append((p, s))
    named = rng.random() < 0.3
    if named:  # named arguments may stand in any order
        rng.shuffle(spans)
    words = filler(rng, 0, 3) + [f.name] + filler(rng, 0, 2)
    for p, s in spans:
        if named:
            words.append(p.name)
        for part in s:
            words += ([] if named and rng.random() < 0.5 else filler(rng, 1, 2)) + [part]
    words += filler(rng, 0, 2)
    return [{"role": "user", "content": sentence(rng, words)},
            {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": {"name": f.name, "arguments": arguments}}]}]


def finding(rng):
    """What a tool may answer: made-up text."""
    return sentence(rng, [rng.choice([lambda: rng.choice(FILLERS), lambda: LETTERS.word(rng), lambda: str(integer(rng)), lambda: str(decimal(rng))])()
                          for _ in range(rng.randint(2, 9))])


def call_sample(rng, most_tools):
    """One to three questions to a few functions; sometimes a call's result comes back, and is the answer."""
    functions = [Function(rng) for _ in range(rng.randint(1, most_tools))]
    messages = []
    for _ in range(rng.choice([1, 2, 2, 3])):
        f = rng.choice(functions)
        messages += ask(rng, f)
        if rng.random() < 0.15:
            content = finding(rng)
            as_json = json.dumps({"name": f.name, "content": content})
            messages += [{"role": "tool", "name": f.name, "content": as_json if rng.random() < 0.5 else content},
                         {"role": "assistant", "content": content}]
    return messages, [g.tool() for g in functions]


def copy_sample(rng):
    kind = rng.random()
    if kind < 0.4:
        v = " ".join(rng.choice([name_like, lambda r: str(integer(r)), lambda r: str(decimal(r)), phrase])(rng) for _ in range(rng.randint(2, 8)))
        return [{"role": "user", "content": "repeat: " + v}, {"role": "assistant", "content": v}], []
    if kind < 0.6:
        v = items(rng)
        return [{"role": "user", "content": "list: " + joined(v)}, {"role": "assistant", "content": str(v).replace("'", '"')}], []
    if kind < 0.8:
        v = iso_date(rng)
        return [{"role": "user", "content": "date: " + spoken_date(rng, v)}, {"role": "assistant", "content": v}], []
    words, spans = [], []
    for _ in range(rng.randint(1, 4)):
        s = rng.choice([phrase, lambda r: str(integer(r)), lambda r: str(decimal(r))])(rng)
        words += filler(rng, 1, 3) + [s]
        spans.append(s)
    return [{"role": "user", "content": "find: " + sentence(rng, words + filler(rng, 1, 2))}, {"role": "assistant", "content": "\n".join(spans)}], []


def sample(rng, progress):
    """Messages and tools of one sample; short copying first, then ever more calls among more functions."""
    if rng.random() < max(0.1, 0.6 - 3 * progress):
        return copy_sample(rng)
    return call_sample(rng, 2 + min(4, int(progress * 10)))
