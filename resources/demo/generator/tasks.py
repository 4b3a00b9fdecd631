"""The three reasoning tasks: number combinations, questions and thoughts.

A combination of numbers belongs either to the corpus or to the evaluation:
`split` holds out about 12 % of them, and every document with numbers draws
from the rest.
"""

from . import howto
from .corpus import QUICK_PERCENT, forum, quick_forum

HELD_OUT_PERCENT = 12
EVALUATION_PROMPTS = 120


def arithmetic_combos():
    for a in range(1, 13):
        for b in range(1, 13):
            for c in range(2, 10):
                yield ("+", min(a, b), max(a, b), c), ("+", a, b, c)
                if a > b:
                    yield ("-", a, b, c), ("-", a, b, c)


def arithmetic_fields(combo):
    op, a, b, c = combo
    s = a + b if op == "+" else a - b
    return {"op": op, "a": a, "b": b, "c": c, "s": s, "r": s * c,
            "e": "(%d %s %d) * %d" % (a, op, b, c),
            "inner": "sum" if op == "+" else "difference"}


def slope_combos():
    for x1 in range(0, 12):
        for x2 in range(x1 + 1, min(12, x1 + 10) + 1):
            for slope in range(-6, 7):
                for y1 in range(0, 21):
                    y2 = y1 + slope * (x2 - x1)
                    if slope != 0 and 0 <= y2 <= 20:
                        combo = (x1, y1, x2, y2)
                        yield combo, combo


def slope_fields(combo):
    x1, y1, x2, y2 = combo
    dy, dx = y2 - y1, x2 - x1
    return {"x1": x1, "y1": y1, "x2": x2, "y2": y2, "dy": dy, "dx": dx,
            "r": dy // dx, "p": "(%d, %d)" % (x1, y1),
            "q": "(%d, %d)" % (x2, y2)}


def linear_combos():
    for a in range(2, 10):
        for x in range(1, 10):
            for b in range(1, 13):
                yield ("+", a, b, x), ("+", a, b, x)
                if a * x > b:
                    yield ("-", a, b, x), ("-", a, b, x)


def linear_fields(combo):
    op, a, b, x = combo
    m = a * x
    c = m + b if op == "+" else m - b
    return {"op": op, "inv": "-" if op == "+" else "+", "a": a, "b": b,
            "c": c, "m": m, "r": x, "e": "%dx %s %d = %d" % (a, op, b, c),
            "es": "%d * x %s %d = %d" % (a, op, b, c),
            "undo": "Subtract" if op == "+" else "Add",
            "undone": "subtracting" if op == "+" else "adding",
            "side": "from" if op == "+" else "to"}


QUESTIONS = {
    "arithmetic": [
        "What is {e}?",
        "Compute {e}.",
        "How much is {e}?",
        "What does {e} come to?",
        "Can you work out {e} for me?",
        "Find the value of {e}.",
        "I am stuck on {e}. What is the result?",
        "Which number equals {e}?",
    ],
    "slope": [
        "What is the slope of the line through {p} and {q}?",
        "Find the slope of the line from {p} to {q}.",
        "A line passes through {p} and {q}. What is its slope?",
        "How steep is the line through {p} and {q}?",
        "Which slope does the line through {p} and {q} have?",
        "Two points of a line are {p} and {q}. Find its slope.",
        "Can you tell me the slope between {p} and {q}?",
    ],
    "linear": [
        "Solve {e} for x.",
        "What is x if {e}?",
        "Find x when {e}.",
        "If {es}, what is x?",
        "Which x solves {e}?",
        "Can you solve {es} for me?",
        "For which number x does {e} hold?",
        "My homework says {e}. What is x?",
    ],
}

# Every step is told in one of several ways, whatever the step before it: the
# way is what a step's own nats are spent on.
THOUGHTS = {
    "arithmetic": [
        ["First, {a} {op} {b} = {s}.", "The bracket is {a} {op} {b} = {s}.",
         "The {inner} is {a} {op} {b} = {s}."],
        ["Then {s} * {c} = {r}.", "The product is {s} * {c} = {r}.",
         "Times {c} we get {s} * {c} = {r}."],
    ],
    "slope": [
        ["The change in y is {y2} - {y1} = {dy}.",
         "First the rise: {y2} - {y1} = {dy}."],
        ["The change in x is {x2} - {x1} = {dx}.",
         "Then the run: {x2} - {x1} = {dx}."],
        ["The slope is {dy} / {dx} = {r}.", "The quotient is {dy} / {dx} = {r}."],
    ],
    "linear": [
        ["{undo} {b} on both sides: {c} {inv} {b} = {m}.",
         "Moving {b} over gives {c} {inv} {b} = {m}.",
         "First, {a}x = {c} {inv} {b} = {m}."],
        ["Divide by {a}: {m} / {a} = {r}.", "Then x is {m} / {a} = {r}.",
         "So x = {m} / {a} = {r}."],
    ],
}

TASKS = {
    "arithmetic": (arithmetic_combos, arithmetic_fields),
    "slope": (slope_combos, slope_fields),
    "linear": (linear_combos, linear_fields),
}

# Documents of one task at scale 1, by source.
COUNTS = [("forum", 13000), ("examples", 2800), ("procedures", 1900),
          ("formulas", 1050), ("code", 1250)]


def split(combos, rng):
    """Splits (group, combination) pairs into kept and held-out ones; the
    members of a group, such as 3 + 4 and 4 + 3, stay together."""
    pairs = list(combos)
    groups = sorted({group for group, _ in pairs})
    rng.shuffle(groups)
    held = set(groups[:len(groups) * HELD_OUT_PERCENT // 100])
    return ([combo for group, combo in pairs if group not in held],
            [combo for group, combo in pairs if group in held])


def build(name, corpus, scale, rng, scaled):
    """Adds a task's documents; returns its evaluation prompts."""
    combos, fields = TASKS[name]
    kept, held = split(combos(), rng)
    asked = rng.sample(held, EVALUATION_PROMPTS)
    order = []

    def draw():
        # Goes round all combinations, so that each is seen equally often.
        if not order:
            order.extend(kept)
            rng.shuffle(order)
        return fields(order.pop())

    def make_forum():
        values = draw()
        question = rng.choice(QUESTIONS[name]).format(**values)
        if rng.chance(QUICK_PERCENT):
            return quick_forum(question, values["r"], rng)
        thought = " ".join(rng.choice(ways) for ways in THOUGHTS[name])
        return forum(question, thought.format(**values), values["r"])

    makers = {
        "forum": make_forum,
        "examples": lambda: howto.example(name, draw(), rng),
        "procedures": lambda: howto.procedure(name, rng),
        "formulas": lambda: howto.formula(name, rng),
        "code": lambda: howto.code(name, draw(), rng),
    }
    for source, count in COUNTS:
        corpus.fill(source, name, scaled(count, scale), makers[source])

    prompts = []
    for number, combo in enumerate(asked):
        values = fields(combo)
        prompts.append({
            "id": "eval-%s-%03d" % (name, number),
            "task": name,
            "prompt": QUESTIONS[name][number % len(QUESTIONS[name])].format(**values),
            "answer": str(values["r"]),
            "facts": [],
            "kind": "reasoning",
        })
    return prompts
