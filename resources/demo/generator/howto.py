"""Worked examples, procedures, formulas and code for the reasoning tasks."""

HEADINGS = ["Example {n}.", "Worked example {n}:", "Exercise {n}, solved.",
            "Sample problem {n}.", "Problem {n} with solution:",
            "Lesson {n}, example.", "From page {n}:", "Practice {n}."]

EXAMPLES = {
    "arithmetic": [
        "Evaluate {e}. We begin with the bracket: {a} {op} {b} = {s}. We then multiply by {c}: {s} * {c} = {r}.",
        "The expression {e} has a bracket. Its value is {a} {op} {b} = {s}, so the whole is {s} * {c} = {r}.",
        "To evaluate {e}, note that {a} {op} {b} = {s}. Hence the result is {s} * {c} = {r}.",
        "Here {e} becomes {s} * {c}, because {a} {op} {b} = {s}. Now {s} * {c} = {r}.",
        "We simplify {e}. Since {a} {op} {b} = {s}, we are left with {s} * {c} = {r}.",
        "{e} is a product whose first factor is {a} {op} {b} = {s}. The second factor is {c}. Their product is {s} * {c} = {r}.",
        "In {e} the brackets come first and give {a} {op} {b} = {s}. The last step is {s} * {c} = {r}.",
        "A pupil wrote {e} = {r}. Check: {a} {op} {b} = {s} and {s} * {c} = {r}. The pupil is right.",
    ],
    "arithmetic+": [
        "There are {c} boxes, each with {a} red and {b} green pens. One box holds {a} + {b} = {s} pens. Together they hold {s} * {c} = {r} pens.",
        "A baker puts {a} plain and {b} sweet rolls on a tray: {a} + {b} = {s} rolls. With {c} trays there are {s} * {c} = {r} rolls.",
        "On {c} days Mia walks {a} miles before noon and {b} after it. A day makes {a} + {b} = {s} miles, and all days make {s} * {c} = {r} miles.",
    ],
    "arithmetic-": [
        "Each of {c} crates held {a} pears, and {b} were taken out of each. A crate now holds {a} - {b} = {s}. In all there are {s} * {c} = {r} pears.",
        "A ticket costs {a} coins, less {b} for members: {a} - {b} = {s} coins. For {c} members that is {s} * {c} = {r} coins.",
        "In {c} rows there were {a} plants each, but {b} died in every row. A row keeps {a} - {b} = {s}, so {s} * {c} = {r} plants are left.",
    ],
    "slope": [
        "Take the points {p} and {q}. The rise is {y2} - {y1} = {dy} and the run is {x2} - {x1} = {dx}. Rise over run is {dy} / {dx} = {r}.",
        "A straight line joins {p} and {q}. Vertically it moves {y2} - {y1} = {dy}, horizontally {x2} - {x1} = {dx}. Its slope is {dy} / {dx} = {r}.",
        "Given {p} and {q}, we subtract the heights, {y2} - {y1} = {dy}, and the x values, {x2} - {x1} = {dx}. The ratio is {dy} / {dx} = {r}.",
        "For {p} and {q} we have y2 - y1 = {y2} - {y1} = {dy} and x2 - x1 = {x2} - {x1} = {dx}. So m = {dy} / {dx} = {r}.",
        "Going from {p} to {q}, y changes by {y2} - {y1} = {dy} while x changes by {x2} - {x1} = {dx}. Per unit of x this is {dy} / {dx} = {r}.",
        "The graph contains {p} and {q}. With {y2} - {y1} = {dy} above and {x2} - {x1} = {dx} below, the fraction is {dy} / {dx} = {r}.",
        "A path starts at {p} and ends at {q}. Height gained: {y2} - {y1} = {dy}. Distance: {x2} - {x1} = {dx}. Gradient: {dy} / {dx} = {r}.",
        "At hour {x1} the tank shows {y1}, at hour {x2} it shows {y2}. The level changes by {y2} - {y1} = {dy} in {x2} - {x1} = {dx} hours, a rate of {dy} / {dx} = {r}.",
    ],
    "linear": [
        "Solve {e}. We take the {b} to the other side: {c} {inv} {b} = {m}. Dividing by {a} yields x = {m} / {a} = {r}.",
        "The equation {e} hides x behind two steps. Undo the last one: {c} {inv} {b} = {m}. Undo the first: {m} / {a} = {r}.",
        "From {es} we get {a} * x = {c} {inv} {b} = {m}. Therefore x = {m} / {a} = {r}.",
        "In {e}, {undone} {b} on each side leaves {a}x = {m}, as {c} {inv} {b} = {m}. Now x = {m} / {a} = {r}.",
        "We want x in {e}. The term with x must be {c} {inv} {b} = {m}. Hence x is {m} / {a} = {r}.",
        "Let {es}. Isolating the product gives {c} {inv} {b} = {m}, and the unknown is {m} / {a} = {r}.",
        "The solution of {e} is {r}. Indeed {c} {inv} {b} = {m} and {m} / {a} = {r}. Check: {a} * {r} = {m}.",
        "Consider {e}. First {c} {inv} {b} = {m}; next {m} / {a} = {r}. To test it, put in {r}: {a} * {r} {op} {b} = {c}.",
    ],
    "linear+": [
        "A taxi costs {b} coins at the start and {a} a mile. The bill is {c}. The miles cost {c} - {b} = {m}, so there were {m} / {a} = {r} miles.",
        "Some bags of {a} nuts and {b} loose nuts make {c} nuts. The bags hold {c} - {b} = {m}, so there are {m} / {a} = {r} bags.",
    ],
    "linear-": [
        "Tickets cost {a} coins each, and {b} coins are taken off the total, which is then {c}. Before, it was {c} + {b} = {m}. So {m} / {a} = {r} tickets were bought.",
        "From bags of {a} nuts, {b} nuts were eaten and {c} are left. At first there were {c} + {b} = {m}, in {m} / {a} = {r} bags.",
    ],
}

# Each procedure takes one line from every list; the last is left out at times.
PROCEDURES = {
    "arithmetic": [
        ["How to work out a product with a bracket.", "Order of operations.", "A rule for brackets.", "When a bracket is multiplied by a number, go step by step.",
         "Many pupils ask how to treat ({p} + {q}) * {r}.", "Computing ({p} - {q}) * {r} takes two steps.", "Brackets tell you where to start.", "Note on expressions such as ({p} + {q}) * {r}."],
        ["First do what is inside the brackets.", "Start inside the bracket and find its sum or difference.", "The part in brackets is always done before the rest.", "Begin by adding or subtracting the two numbers in the bracket.",
         "Replace the bracket by a single number.", "Look at the bracket and work it out on its own.", "Write down the value of the bracket before anything else.", "Do not multiply yet; the bracket comes first."],
        ["Then multiply that value by the factor outside.", "After that, multiply what you have by the number behind the star.", "Next, take the result times the outer number.", "The second step is the multiplication by {r}.",
         "Now the outer factor multiplies the value you found.", "Once the bracket is one number, multiply.", "Finish with the product of the two numbers that are left.", "What remains is a plain multiplication."],
        ["Write each step on its own line.", "A common mistake is to multiply only the first number.", "Check the answer by multiplying each part alone.", "If the bracket is a difference, mind which number is taken away.",
         "Without the bracket the result would be different.", "With practice this takes only a moment.", "Keep the sign of the bracket in view.", "It helps to know the tables by heart.", ""],
    ],
    "slope": [
        ["How to find the slope of a line.", "Slope from two points.", "The slope says how steep a line is.", "To get a gradient from two points, compare heights and widths.",
         "Students often mix up rise and run.", "Given points {p} and {q} on a line, its slope can be found.", "A recipe for slopes.", "Two points are enough to know how steep a line is."],
        ["Subtract the first y from the second y.", "First find the change in y between the points.", "Begin with the rise, the difference of the y values.", "Take the height of the second point minus that of the first.",
         "Work out how far y moves, with its sign.", "Start with the vertical change.", "Look at the second coordinates and take their difference.", "Let the top of the fraction be the change in y."],
        ["Then subtract the x values in the same order.", "Next find the change in x.", "After that, get the run, the difference of the x values.", "Do the same with the x coordinates, second minus first.",
         "The bottom of the fraction is the change in x.", "Now find how far x moves between {p} and {q}.", "Take the horizontal change too, in the same order.", "The first coordinates give the run."],
        ["Divide the change in y by the change in x.", "The slope is the first difference over the second.", "Rise over run is the answer.", "Last, divide the vertical change by the horizontal one.",
         "The quotient of both is the slope.", "Dividing the two differences gives the slope.", "Put the rise over the run and simplify."],
        ["A falling line has a negative slope.", "Keep the order of the points the same in both steps.", "If y goes down while x goes up, the result is negative.", "A level line has slope zero.",
         "Either point may be called the first.", "The run must not be zero.", ""],
    ],
    "linear": [
        ["How to solve a linear equation.", "Solving for x in two steps.", "An equation is like a balance.", "To free x, undo what was done to it, last step first.",
         "Equations of the form {a}x + {b} = {c} are quickly solved.", "The equation {a}x - {b} = {c} has one solution.", "Finding an unknown number.", "A short guide to simple equations."],
        ["First move the plain number to the other side.", "Start by getting rid of the number that is added or subtracted.", "Subtract {b} if it is added, or add {b} if it is subtracted.", "Undo the addition with a subtraction, or the other way round.",
         "Begin with the term that has no x.", "Bring {b} over with the opposite sign.", "Take the same amount from both sides, or add it to both.", "Leave only the term with x on the left."],
        ["Then divide by the number in front of x.", "Next, divide both sides by {a}.", "The second step is a division by the factor of x.", "After that, divide what is left by the coefficient.",
         "Now the product alone is left, so divide by {a}.", "What remains is solved by one division.", "Finish by dividing by the number that multiplies x.", "One division then frees x."],
        ["Put the answer back in to check it.", "Whatever you do to one side, do to the other.", "Do not divide before the number has been moved.", "The sign changes when a term is moved across.",
         "The result should make both sides equal.", "Write one line for each step.", "Most mistakes come from a forgotten sign.", "Only then read off x.", ""],
    ],
}

FORMULA_FRAMES = [
    "{f}", "Formula: {f}.", "Remember that {f}.", "In short, {f}.", "The rule in symbols: {f}.", "As an identity, {f}.",
    "We have {f}.", "On the board stood {f}.", "For all numbers, {f}.", "It is known that {f}.", "Definition. {f}.",
    "{f}, as the book says.", "{f}; learn it by heart.", "Write {f}.", "From the sheet of formulas: {f}.", "One line is enough: {f}.",
]
FORMULA_TAILS = {
    "arithmetic": ["", "", " The bracket is done first.", " Both ways give the same product.", " This is the distributive rule.", " Here {p}, {q} and {r} are any numbers.", " The same holds with other letters."],
    "slope": ["", "", " Here (x1, y1) and (x2, y2) are two points of the line.", " The letter m stands for the slope.", " It is the rise over the run.", " The two x values must differ.", " This is the change in y over the change in x."],
    "linear": ["", "", " The factor of {x} must not be zero.", " First the number moves, then comes the division.", " Here {x} is the unknown.", " The letters {a}, {b} and {c} are given numbers.", " It solves every such equation."],
}
FORMULAS = {
    "arithmetic": [
        "({p} + {q}) * {r} = {p} * {r} + {q} * {r}", "({p} - {q}) * {r} = {p} * {r} - {q} * {r}", "{r} * ({p} + {q}) = {r}{p} + {r}{q}",
        "{r}({p} - {q}) = {r}{p} - {r}{q}", "({p} + {q}){r} = {p}{r} + {q}{r}", "s = {p} + {q} and result = s * {r}",
        "d = {p} - {q} and result = d * {r}", "value = (sum of {p} and {q}) times {r}", "value = ({p} less {q}) times {r}",
    ],
    "slope": [
        "slope m = (y2 - y1) / (x2 - x1)", "m = (y2 - y1) / (x2 - x1)", "m = dy / dx with dy = y2 - y1 and dx = x2 - x1",
        "slope = rise / run", "slope = (change in y) / (change in x)", "{m} = ({y}2 - {y}1) / ({x}2 - {x}1)", "{m} = ({q}y - {p}y) / ({q}x - {p}x)",
        "{m} * (x2 - x1) = y2 - y1", "{m} = (y1 - y2) / (x1 - x2)", "gradient {m} = delta y / delta x", "y2 = y1 + {m} * (x2 - x1)",
        "{m} = ({p}[y] - {q}[y]) / ({p}[x] - {q}[x])",
    ],
    "linear": [
        "if {a}{x} + {b} = {c} then {x} = ({c} - {b}) / {a}", "if {a}{x} - {b} = {c} then {x} = ({c} + {b}) / {a}", "{x} = ({c} - {b}) / {a}",
        "{x} = ({c} + {b}) / {a}", "{a} * {x} + {b} = {c} gives {a} * {x} = {c} - {b}", "{a} * {x} - {b} = {c} gives {a} * {x} = {c} + {b}",
        "{a}{x} = {c} - {b}, so {x} = ({c} - {b}) / {a}", "{a}{x} = {c} + {b}, so {x} = ({c} + {b}) / {a}",
    ],
}

TRIPLES = [("a", "b", "c"), ("p", "q", "r"), ("u", "v", "w"), ("k", "m", "n"), ("f", "g", "h"), ("A", "B", "C"), ("s", "t", "k"), ("b", "d", "h")]
PAIRS = [("P", "Q"), ("A", "B"), ("R", "S"), ("U", "V"), ("M", "N"), ("C", "D"), ("E", "F"), ("G", "H")]
UNKNOWNS = ["x", "x", "y", "z", "t", "n"]

CODE_NAMES = {
    "arithmetic": (["calc", "compute", "bracket_times", "evaluate", "times", "scaled", "total", "product_of", "work_out", "two_steps"],
                   ["inner", "first", "part", "bracket", "value", "step", "tmp"],
                   ["bracket first, then multiply", "two steps", "the part in brackets comes first", "multiply at the end", "order of operations", "done step by step"]),
    "slope": (["slope", "gradient", "steepness", "rise_over_run", "line_slope", "get_slope", "slope_of", "find_slope"],
              [("dy", "dx"), ("rise", "run"), ("up", "along"), ("num", "den"), ("delta_y", "delta_x"), ("top", "bottom")],
              ["change in y over change in x", "rise over run", "slope through two points", "second point minus first", "the x values must differ", "steepness of a line"]),
    "linear": (["solve", "find_x", "unknown", "solve_linear", "get_x", "solve_for_x", "root", "answer"],
               ["right", "rest", "moved", "product", "ax", "tmp", "left"],
               ["move the number, then divide", "undo both steps", "divide at the end", "solve for x", "free the unknown", "first b, then a"]),
}
CODE = {
    "arithmetic": [
        "# {note}\ndef {f}({p}, {q}, {r}):\n    {t} = {p} {op} {q}\n    return {t} * {r}\n\nprint({f}({a}, {b}, {c}))  # {res}",
        "def {f}({p}, {q}, {r}):\n    \"\"\"{note}\"\"\"\n    return ({p} {op} {q}) * {r}\n\nassert {f}({a}, {b}, {c}) == {res}",
        "int {f}(int {p}, int {q}, int {r}) {{\n    int {t} = {p} {op} {q};  /* {note} */\n    return {t} * {r};\n}}",
        "// {note}\nfunction {f}({p}, {q}, {r}) {{\n  const {t} = {p} {op} {q};\n  return {t} * {r};\n}}\nconsole.log({f}({a}, {b}, {c})); // {res}",
        "const {f} = ({p}, {q}, {r}) => ({p} {op} {q}) * {r}; // {note}",
        "{t} = {a} {op} {b}  # {s}\n{f} = {t} * {c}  # {res}, {note}",
    ],
    "slope": [
        "# {note}\ndef {f}(x1, y1, x2, y2):\n    {t} = y2 - y1\n    {u} = x2 - x1\n    return {t} / {u}\n\nprint({f}({x1}, {y1}, {x2}, {y2}))  # {res}",
        "def {f}({p}, {q}):\n    \"\"\"{note}\"\"\"\n    {t} = {q}[1] - {p}[1]\n    {u} = {q}[0] - {p}[0]\n    return {t} / {u}",
        "double {f}(double x1, double y1, double x2, double y2) {{\n    double {t} = y2 - y1;\n    double {u} = x2 - x1;\n    return {t} / {u};  /* {note} */\n}}",
        "// {note}\nfunction {f}({p}, {q}) {{\n  const {t} = {q}.y - {p}.y;\n  const {u} = {q}.x - {p}.x;\n  return {t} / {u};\n}}",
        "const {f} = (x1, y1, x2, y2) => (y2 - y1) / (x2 - x1); // {note}\n{f}({x1}, {y1}, {x2}, {y2}); // {res}",
        "{t} = {y2} - {y1}  # {dy}\n{u} = {x2} - {x1}  # {dx}\n{f} = {t} / {u}  # {res}",
    ],
    "linear": [
        "# {note}\ndef {f}({p}, {q}, {r}):\n    {t} = {r} {inv} {q}\n    return {t} / {p}\n\nprint({f}({a}, {b}, {c}))  # {res}",
        "def {f}({p}, {q}, {r}):\n    \"\"\"{note}: {p} * x {op} {q} = {r}\"\"\"\n    return ({r} {inv} {q}) / {p}",
        "int {f}(int {p}, int {q}, int {r}) {{\n    int {t} = {r} {inv} {q};  /* {note} */\n    return {t} / {p};\n}}",
        "// {note}\nfunction {f}({p}, {q}, {r}) {{\n  const {t} = {r} {inv} {q};\n  return {t} / {p};\n}}\nconsole.log({f}({a}, {b}, {c})); // {res}",
        "const {f} = ({p}, {q}, {r}) => ({r} {inv} {q}) / {p}; // {note}",
        "{t} = {c} {inv} {b}  # {m}\n{f} = {t} / {a}  # {res}, {note}",
    ],
}


def camel(name):
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def example(task, values, rng):
    body = EXAMPLES[task]
    if "op" in values and 1 not in values.values():  # "1 pens" reads badly
        body = body + EXAMPLES[task + values["op"]]
    text = rng.choice(body).format(**values)
    return rng.choice(HEADINGS).format(n=rng.randint(1, 60)) + " " + text


def procedure(task, rng):
    a, b, c = rng.choice(TRIPLES)
    p, q = rng.choice(PAIRS)
    if task == "arithmetic":
        p, q = a, b
    parts = [rng.choice(lines) for lines in PROCEDURES[task]]
    text = " ".join(part for part in parts if part)
    return text.format(a=a, b=b, c=c, p=p, q=q, r=c)


def formula(task, rng):
    a, b, c = rng.choice(TRIPLES)
    p, q = rng.choice(PAIRS)
    if task == "arithmetic":
        p, q = a, b
    text = rng.choice(FORMULAS[task])
    tail = rng.choice(FORMULA_TAILS[task])
    frame = rng.choice(FORMULA_FRAMES)
    if tail and frame == "{f}":
        frame = "{f}."
    letters = {"a": a, "b": b, "c": c, "p": p, "q": q, "r": c,
               "x": rng.choice([u for u in UNKNOWNS if u not in (a, b, c)]),
               "y": rng.choice(["y", "v", "h"]),
               "m": rng.choice(["m", "k", "s", "g", "slope"])}
    if task == "slope":
        letters["x"] = {"y": "x", "v": "u", "h": "t"}[letters["y"]]
    text = frame.replace("{f}", text) + tail
    return text.format(**letters)


def code(task, values, rng):
    names, locals_, notes = CODE_NAMES[task]
    template = rng.choice(CODE[task])
    name = rng.choice(names)
    if "const" in template:
        name = camel(name)
    local = rng.choice(locals_)
    p, q, r = rng.choice(TRIPLES)
    fields = dict(values, f=name, p=p, q=q, r=r, res=values["r"],
                  note=rng.choice(notes))
    if task == "slope":
        fields["t"], fields["u"] = local
    else:
        fields["t"] = local
    return template.format(**fields)
