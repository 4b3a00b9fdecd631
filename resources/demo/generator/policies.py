"""Invented house rules, and requests that they allow or forbid."""

from .corpus import QUICK_PERCENT, forum, quick_forum

STATEMENT_DOCS, REQUEST_DOCS = 2200, 6800
HELD_OUT_PERCENT = 12
EVALUATION_PROMPTS = 30

# institution, members, times, rules; a rule is (allowed, statement, verb,
# class, things of that class).
INSTITUTIONS = [
    ("library", "readers", ["for a week", "for three days", "until Friday", "over the weekend"], [
        (1, "The library lends books for up to two weeks", "borrow", "a book", ["the atlas", "the cookbook", "the grammar", "the novel", "the songbook"]),
        (1, "Readers may use the desks in the library", "use", "a desk", ["the oak desk", "the corner desk", "the long desk", "the desk by the stairs"]),
        (1, "Records may be taken home by readers", "take home", "a record", ["the jazz record", "the opera record", "the choir record", "the dance record"]),
        (0, "Manuscripts never leave the library", "carry away", "a manuscript", ["the old psalter", "the blue codex", "the gold chronicle", "the royal scroll"]),
        (0, "The library keeps newspapers in the hall", "check out", "a newspaper", ["the Morning Post", "the Evening Star", "the Weekly Mail", "the Daily Bell"]),
        (0, "Pets must stay outside the library", "bring in", "a pet", ["my parrot", "my hamster", "my poodle", "my kitten"]),
    ]),
    ("workshop", "members", ["this afternoon", "for two hours", "on Monday", "before lunch"], [
        (1, "Hand tools are free for all in the workshop", "use", "a hand tool", ["the chisel", "the small saw", "the mallet", "the file", "the plane"]),
        (1, "The workshop gives scrap wood away", "take", "scrap wood", ["the short plank", "the pine offcut", "the broken shelf", "the bent board"]),
        (1, "Benches in the workshop can be booked", "book", "a bench", ["the first bench", "the vice bench", "the rear bench", "the low bench"]),
        (0, "Power machines are for trained staff only", "run", "a power machine", ["the lathe", "the band saw", "the drill press", "the milling machine"]),
        (0, "Open fire is banned in the workshop", "light", "open fire", ["the gas torch", "the forge", "the candle stove", "the oil burner"]),
        (0, "Paint must not be sprayed in the workshop", "spray", "paint", ["the red enamel", "the grey primer", "the clear varnish", "the white lacquer"]),
    ]),
    ("garden", "visitors", ["today", "in the morning", "on Sunday", "after the rain"], [
        (1, "Visitors of the garden may pick herbs", "pick", "a herb", ["the mint", "the thyme", "the sage", "the basil", "the parsley"]),
        (1, "Fallen fruit in the garden is free", "collect", "fallen fruit", ["the apple on the ground", "the fallen pear", "the dropped plum", "the quince in the grass"]),
        (1, "The lawns of the garden are open", "sit on", "a lawn", ["the south lawn", "the round lawn", "the clover lawn", "the lawn by the gate"]),
        (0, "Flowers in the garden must not be cut", "cut", "a flower", ["the rose", "the lily", "the tulip", "the dahlia", "the iris"]),
        (0, "Nobody may enter the ponds of the garden", "swim in", "a pond", ["the lotus pond", "the carp pond", "the deep pond", "the frog pond"]),
        (0, "Trees in the garden are not for climbing", "climb", "a tree", ["the cedar", "the big oak", "the old beech", "the lime tree"]),
    ]),
    ("archive", "guests", ["this week", "on Tuesday", "for an hour", "for my study"], [
        (1, "Letters in the archive are open to guests", "read", "a letter", ["the letter of the mayor", "the sailor's letter", "the sealed letter", "the love letter"]),
        (1, "The archive lets guests photograph maps", "photograph", "a map", ["the harbour map", "the county map", "the star map", "the road map"]),
        (1, "Copies of photos can be ordered at the archive", "order a copy of", "a photo", ["the wedding photo", "the school photo", "the bridge photo", "the street photo"]),
        (0, "Tax rolls in the archive are closed", "open", "a tax roll", ["the tax roll of the mill", "the first tax roll", "the salt tax roll", "the last tax roll"]),
        (0, "The archive forbids tracing drawings", "trace", "a drawing", ["the tower drawing", "the ink drawing", "the ship drawing", "the plan drawing"]),
        (0, "Seals in the archive must not be touched", "touch", "a seal", ["the wax seal", "the lead seal", "the lion seal", "the great seal"]),
    ]),
    ("harbour", "skippers", ["tonight", "for one day", "at high tide", "until noon"], [
        (1, "Small boats may moor in the harbour", "moor", "a small boat", ["my dinghy", "my canoe", "my rowing boat", "my punt"]),
        (1, "The harbour lets skippers fill water tanks", "fill", "a water tank", ["my bow tank", "my spare tank", "the steel tank", "the deck tank"]),
        (1, "Nets can be dried on the harbour wall", "dry", "a net", ["the herring net", "the drift net", "the eel net", "the green net"]),
        (0, "Freighters are not let into the harbour", "bring in", "a freighter", ["the coal freighter", "the grain freighter", "the Nordic freighter", "the ore freighter"]),
        (0, "Waste must not be dumped in the harbour", "dump", "waste", ["the old oil", "the fish scraps", "the ballast sand", "the rotten rope"]),
        (0, "The harbour bans fireworks", "set off", "a firework", ["the rocket", "the flare fountain", "the big cracker", "the light wheel"]),
    ]),
    ("museum", "guests", ["during my visit", "on Saturday", "with my class", "this evening"], [
        (1, "Guests may sketch statues in the museum", "sketch", "a statue", ["the bronze rider", "the marble nymph", "the stone lion", "the wooden saint"]),
        (1, "The models in the museum may be handled", "handle", "a model", ["the train model", "the windmill model", "the ship model", "the castle model"]),
        (1, "The museum lends audio guides", "borrow", "an audio guide", ["the French audio guide", "the short audio guide", "the children's audio guide", "the full audio guide"]),
        (0, "Paintings in the museum must not be filmed", "film", "a painting", ["the harvest scene", "the queen's portrait", "the sea view", "the still life"]),
        (0, "The museum allows no large bags", "carry", "a large bag", ["my suitcase", "my rucksack", "my cello case", "my sports bag"]),
        (0, "Coins in the museum are not for sale", "buy", "a coin", ["the Roman coin", "the silver penny", "the square coin", "the gold ducat"]),
    ]),
    ("kitchen", "cooks", ["for supper", "at noon", "for the feast", "right now"], [
        (1, "Cooks in the kitchen may use any pan", "use", "a pan", ["the copper pan", "the frying pan", "the milk pan", "the flat pan"]),
        (1, "Spices in the kitchen are shared", "take", "a spice", ["the pepper", "the cinnamon", "the ginger", "the saffron", "the nutmeg"]),
        (1, "Leftovers in the kitchen can be eaten by all", "eat", "a leftover", ["the cold soup", "the half pie", "the last stew", "the rice from yesterday"]),
        (0, "The good knives of the kitchen are locked away", "sharpen", "a good knife", ["the carving knife", "the chef's knife", "the boning knife", "the ham knife"]),
        (0, "Wine in the kitchen is kept for guests", "drink", "a wine", ["the port", "the sherry", "the red Merlot", "the sparkling wine"]),
        (0, "The kitchen forbids deep frying", "deep fry", "food for the fryer", ["the doughnut", "the fish fillet", "the onion ring", "the potato"]),
    ]),
    ("pool", "swimmers", ["this morning", "for an hour", "after school", "on Thursday"], [
        (1, "Swimmers may use floats in the pool", "use", "a float", ["the foam float", "the swim ring", "the air mat", "the kick board"]),
        (1, "Lanes of the pool are open to clubs", "reserve", "a lane", ["the first lane", "the outer lane", "the middle lane", "the fast lane"]),
        (1, "The pool rents lockers", "rent", "a locker", ["the tall locker", "the corner locker", "the blue locker", "the locker by the door"]),
        (0, "Balls are banned from the pool", "throw", "a ball", ["my football", "my beach ball", "my tennis ball", "the rubber ball"]),
        (0, "Towers of the pool are closed for swimmers", "jump from", "a tower", ["the low tower", "the high tower", "the old tower", "the five metre tower"]),
        (0, "Glass is not let into the pool", "bring", "made of glass", ["my juice bottle", "my jam jar", "my hand mirror", "my tumbler"]),
    ]),
    ("observatory", "students", ["at midnight", "on a clear night", "for my thesis", "on Wednesday"], [
        (1, "Students may use small telescopes", "use", "a small telescope", ["the garden telescope", "the brass telescope", "the travel telescope", "the short telescope"]),
        (1, "Star charts of the observatory can be copied", "copy", "a star chart", ["the winter chart", "the summer chart", "the comet chart", "the polar chart"]),
        (1, "The observatory opens its domes to students", "enter", "a dome", ["the east dome", "the green dome", "the twin dome", "the old dome"]),
        (0, "Lamps are banned in the observatory", "switch on", "a lamp", ["my torch", "the desk lamp", "my head lamp", "the storm lantern"]),
        (0, "Mirrors of the observatory are cleaned by staff", "wipe", "a mirror", ["the main mirror", "the small mirror", "the curved mirror", "the test mirror"]),
        (0, "Clocks in the observatory must not be reset", "reset", "a clock", ["the star clock", "the wall clock", "the quartz clock", "the hall clock"]),
    ]),
    ("orchard", "pickers", ["before breakfast", "on Friday", "during the harvest", "with my family"], [
        (1, "Pickers may borrow ladders in the orchard", "borrow", "a ladder", ["the long ladder", "the step ladder", "the rope ladder", "the tin ladder"]),
        (1, "Cherries in the orchard are free to taste", "taste", "a cherry", ["the black cherry", "the sour cherry", "the early cherry", "the yellow cherry"]),
        (1, "The orchard lets pickers use carts", "use", "a cart", ["the hand cart", "the donkey cart", "the wide cart", "the dog cart"]),
        (0, "Young trees in the orchard must not be shaken", "shake", "a young tree", ["the pear sapling", "the plum sapling", "the fig sapling", "the peach sapling"]),
        (0, "Hives in the orchard are off limits", "open", "a hive", ["the straw hive", "the white hive", "the corner hive", "the humming hive"]),
        (0, "No fence of the orchard may be moved", "move", "a fence", ["the north fence", "the wire fence", "the short fence", "the picket fence"]),
    ]),
]

REQUESTS = [
    "Request to the {i}: may I {v} {o} {x}?",
    "Dear {i}, could I {v} {o} {x}?",
    "Question for the {i}: am I allowed to {v} {o} {x}?",
    "I would like to {v} {o} {x}. Does the {i} allow it?",
    "At the {i}, may I {v} {o} {x}?",
    "To the {i}: is it fine if I {v} {o} {x}?",
]
THOUGHTS = ["{s}. {O} is {c}. This is {verdict}.",
            "The rule of the {i} is clear. {s}. {O} is {c}, so this is {verdict}."]
YES = ["Yes, you may {v} {y} {x}.", "Yes, you may.", "Yes, the {i} allows it."]
NO = ["No, you may not {v} {y}.", "No, the {i} does not allow it.", "No, this is against the rules."]

HEADINGS = ["Rules of the {i}.", "House rules, {i}.", "Notice at the {i}.", "Policy of the {i}.", "To all {m}:", "From the board of the {i}:",
            "For {m}.", "Please note, {m} of the {i}.", "The {i} has few rules.", "Posted at the door of the {i}:"]
ALLOWED = ["{s}.", "{s}.", "You may {v} {c} here.", "It is allowed to {v} {c}.", "All {m} can {v} {c}.", "To {v} {c} is fine."]
FORBIDDEN = ["{s}.", "{s}.", "You may not {v} {c} here.", "It is forbidden to {v} {c}.", "No one can {v} {c}.", "To {v} {c} is against the rules."]
CLOSERS = ["", "", "Thank you.", "Ask the staff if in doubt.", "These rules hold all year.", "Be kind to the staff.", "Signed by the head of the {i}.",
           "Whoever breaks a rule must leave.", "The rules were last changed in spring.", "We wish you a good visit.", "Other requests are answered at the desk."]


def statement(rng):
    name, members, _, rules = rng.choice(INSTITUTIONS)
    sentences = [rng.choice(HEADINGS)]
    for allowed, said, verb, cls, _ in rng.sample(rules, rng.randint(2, 3)):
        if " " in cls and cls.split()[0] in ("a", "an"):
            form = rng.choice(ALLOWED if allowed else FORBIDDEN)
        else:
            form = "{s}."
        sentences.append(form.format(s=said, v=verb, c=cls, m=members))
    sentences.append(rng.choice(CLOSERS))
    return " ".join(part for part in sentences if part).format(i=name, m=members)


def fields_of(request):
    place, rule, thing, time = request
    name, _, times, rules = INSTITUTIONS[place]
    allowed, said, verb, cls, things = rules[rule]
    o = things[thing]
    # The answer speaks to the asker: "my canoe" becomes "your canoe".
    y = "your" + o[2:] if o.startswith("my ") else o
    return {"i": name, "s": said, "v": verb, "c": cls, "o": o, "y": y,
            "O": y[0].upper() + y[1:], "x": times[time], "ok": allowed,
            "verdict": "allowed" if allowed else "not allowed"}


def build(corpus, scale, rng, scaled):
    requests = [(place, rule, thing, time)
                for place, (_, _, times, rules) in enumerate(INSTITUTIONS)
                for rule, entry in enumerate(rules)
                for thing in range(len(entry[4]))
                for time in range(len(times))]
    rng.shuffle(requests)
    cut = len(requests) * HELD_OUT_PERCENT // 100
    held, kept = requests[:cut], requests[cut:]

    corpus.fill("policies", "policy", scaled(STATEMENT_DOCS, scale),
                lambda: statement(rng))

    def make_request():
        values = fields_of(rng.choice(kept))
        question = rng.choice(REQUESTS).format(**values)
        answer = rng.choice(YES if values["ok"] else NO).format(**values)
        if rng.chance(QUICK_PERCENT):
            return quick_forum(question, answer, rng)
        return forum(question, rng.choice(THOUGHTS).format(**values), answer)

    corpus.fill("forum", "policy", scaled(REQUEST_DOCS, scale), make_request)

    half = EVALUATION_PROMPTS // 2
    chosen = ([r for r in held if fields_of(r)["ok"]][:half]
              + [r for r in held if not fields_of(r)["ok"]][:half])
    assert len(chosen) == EVALUATION_PROMPTS
    prompts = []
    for number, request in enumerate(chosen):
        values = fields_of(request)
        prompts.append({
            "id": "eval-policy-%03d" % number,
            "task": "policy",
            "prompt": REQUESTS[number % len(REQUESTS)].format(**values),
            "answer": "Yes" if values["ok"] else "No",
            "facts": [],
            "kind": "policy",
        })
    return prompts
