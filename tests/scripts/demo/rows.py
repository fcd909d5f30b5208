"""Function-calling rows of the bundled demo, for the six methods of dev.jemma.cli.demo.Household.

Train and test share the sentences' frames and the enum constants, and no argument value: no string, list item, record field, number or date."""
import json
from random import Random
from words import ADJECTIVES, ANIMALS, GROCERIES, MONTHS, NAMES, ROOMS, STREETS, STREET_KINDS

METHODS = ["heatRoom", "reserveTable", "addShopping", "logSport", "shipParcel", "daysBetween"]


def object_schema(properties):
    return {"type": "object", "properties": properties, "required": list(properties)}


def tool(name, description, properties):
    return {"type": "function", "function": {"name": name, "description": description, "parameters": object_schema(properties)}}


def text(description):
    return {"type": "string", "description": description}


ADDRESS = object_schema({"name": text("who receives it"), "street": text("street name"), "number": {"type": "integer", "description": "house number"}})
ADDRESS["description"] = "where it goes"
TOOLS = [
    tool("heatRoom", "Sets the heating of a room", {"room": text("name of the room"), "celsius": {"type": "number", "description": "degrees Celsius"}}),
    tool("reserveTable", "Reserves a table in a restaurant", {
        "place": text("name of the restaurant"), "guests": {"type": "integer", "description": "number of guests"},
        "day": {"type": "string", "format": "date", "description": "day as yyyy-mm-dd"}}),
    tool("addShopping", "Puts things on the shopping list", {"items": {"type": "array", "items": {"type": "string"}, "description": "what to buy"}}),
    tool("logSport", "Notes time spent on sport", {
        "sport": {"type": "string", "enum": ["RUN", "SWIM", "CYCLE", "ROW"], "description": "kind of sport"},
        "minutes": {"type": "integer", "description": "minutes spent"}}),
    tool("shipParcel", "Sends a parcel", {"to": ADDRESS, "kilos": {"type": "number", "description": "weight in kilograms"}}),
    tool("daysBetween", "Counts the days from one date to another", {
        "from": {"type": "string", "format": "date", "description": "first day as yyyy-mm-dd"},
        "to": {"type": "string", "format": "date", "description": "last day as yyyy-mm-dd"}}),
]
TOOLS.sort(key=lambda t: t["function"]["name"])  # the order in which Jemma's binder lists methods

FRAMES = {
    "heatRoom": ["Heat the {room} to {celsius} degrees.", "Make it {celsius} degrees in the {room}.", "I want {celsius} degrees in the {room}.",
                 "Please set the {room} to {celsius} degrees.", "The {room} should be at {celsius} degrees."],
    "reserveTable": ["Reserve a table for {guests} at the {place} on {day}.", "On {day} we are {guests} people, book the {place}.",
                     "Please get a table at the {place} on {day} for {guests}.", "We want to eat at the {place} on {day}, table for {guests}."],
    "addShopping": ["Put {items} on the list.", "We need {items}.", "Please get {items} for us.", "I have to go shopping for {items}."],
    "logSport": ["I {verb} for {minutes} minutes.", "Today I {verb} for {minutes} minutes.", "I spent {minutes} minutes {doing}.",
                 "{minutes} minutes {doing} today."],
    "shipParcel": ["Post {kilos} kilos to {name}, {street} {number}.", "The parcel of {kilos} kilos is for {name} at {street} {number}.",
                   "{name} at {street} {number} should get a parcel of {kilos} kilos.", "Please pack {kilos} kilos for {name}, {street} {number}."],
    "daysBetween": ["How many days are between {from} and {to}?", "How long is it from {from} until {to}?", "How far is {to} after {from}?",
                    "Tell me the days from {from} to {to}."],
}
SPORTS = {"RUN": [("ran", "running"), ("was out running", "of running")], "SWIM": [("swam", "swimming"), ("was in the water", "in the water")],
          "CYCLE": [("cycled", "cycling"), ("rode my bike", "on my bike")], "ROW": [("rowed", "rowing"), ("was in the rowing boat", "in the boat")]}


def join_items(items):
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def spoken(rng, iso):
    """A date as it stands in a question: half of them as yyyy-mm-dd, half as 4 March 2027."""
    y, m, d = iso.split("-")
    return iso if rng.random() < 0.5 else f"{int(d)} {MONTHS[int(m) - 1]} {y}"


class Values:
    """Argument values of one side; the two sides split every pool, so that nothing is shared."""

    def __init__(self, rng, side):
        def half(pool):
            pool = sorted(set(pool))
            Random("split").shuffle(pool)
            return pool[: len(pool) * 3 // 5] if side == "train" else pool[len(pool) * 3 // 5 :]

        self.rng = rng
        self.adjectives, self.rooms, self.animals, self.groceries = half(ADJECTIVES), half(ROOMS), half(ANIMALS), half(GROCERIES)
        self.names, self.streets = half(NAMES), half(STREETS)
        self.integers = half(range(2, 250))
        self.tenths = half(x for x in range(11, 300) if x % 10)  # 1.1 to 29.9, never a whole number: 12.0 and 12 are one value
        self.days = half(f"{y}-{m:02d}-{d:02d}" for y in range(2024, 2034) for m in range(1, 13) for d in range(1, 29))

    def integer(self, low, high):
        return self.rng.choice([i for i in self.integers if low <= i <= high])

    def tenth(self, low, high):
        return self.rng.choice([t for t in self.tenths if low * 10 <= t <= high * 10]) / 10

    def arguments(self, method):
        r = self.rng
        if method == "heatRoom":
            return {"room": f"{r.choice(self.adjectives)} {r.choice(self.rooms)}", "celsius": self.tenth(12, 29)}
        if method == "reserveTable":
            return {"place": f"{r.choice(self.adjectives)} {r.choice(self.animals)}".title(), "guests": self.integer(2, 60), "day": r.choice(self.days)}
        if method == "addShopping":
            return {"items": r.sample(self.groceries, r.randint(1, 4))}
        if method == "logSport":
            return {"sport": r.choice(list(SPORTS)), "minutes": self.integer(5, 180)}
        if method == "shipParcel":
            to = {"name": r.choice(self.names), "street": f"{r.choice(self.streets)} {r.choice(STREET_KINDS)}", "number": self.integer(2, 249)}
            return {"to": to, "kilos": self.tenth(1, 29)}
        first, second = sorted(r.sample(self.days, 2))
        return {"from": first, "to": second}


def question(rng, method, arguments):
    words = dict(arguments)
    if method == "addShopping":
        words["items"] = join_items(arguments["items"])
    elif method == "logSport":
        words["verb"], words["doing"] = rng.choice(SPORTS[arguments["sport"]])
    elif method == "shipParcel":
        words.update(arguments["to"])
    for key in ("day", "from", "to"):
        if isinstance(words.get(key), str):
            words[key] = spoken(rng, words[key])
    asked = rng.choice(FRAMES[method]).format(**words)
    return asked[0].upper() + asked[1:]


def result(method, arguments):
    """What the Java method returns for these arguments."""
    a = arguments
    if method == "heatRoom":
        return f"The {a['room']} is set to {a['celsius']} degrees."
    if method == "reserveTable":
        return f"Table for {a['guests']} at the {a['place']} on {a['day']}."
    if method == "addShopping":
        return f"The list has {', '.join(a['items'])}."
    if method == "logSport":
        return f"{a['sport']} for {a['minutes']} minutes."
    if method == "shipParcel":
        return f"{a['kilos']} kilos go to {a['to']['name']}, {a['to']['street']} {a['to']['number']}."
    from datetime import date
    return f"{(date.fromisoformat(a['to']) - date.fromisoformat(a['from'])).days} days."


def call(method, arguments):
    return {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": {"name": method, "arguments": arguments}}]}


def make_rows(side, count, seed):
    """`count` rows, the methods in turn; every third training row goes on to the method's result and the answer that repeats it."""
    rng = Random(f"{side}-{seed}")
    values = Values(rng, side)
    rows, seen = [], set()
    while len(rows) < count:
        method = METHODS[len(rows) % len(METHODS)]
        arguments = values.arguments(method)
        asked = question(rng, method, arguments)
        if asked in seen:
            continue
        seen.add(asked)
        messages = [{"role": "user", "content": asked}, call(method, arguments)]
        if side == "train" and len(rows) // len(METHODS) % 3 == 0:
            answer = result(method, arguments)
            messages += [{"role": "tool", "name": method, "content": answer}, {"role": "assistant", "content": answer}]
        rows.append({"id": f"{side}-{len(rows):03d}-{method}", "messages": messages, "tools": TOOLS,
                     "accept": [{method: {k: [v] if not isinstance(v, dict) else [{f: [x] for f, x in v.items()}] for k, v in arguments.items()}}]})
    return rows


def write_rows(path, rows):
    with open(path, "w", encoding="utf-8", newline="\n") as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
