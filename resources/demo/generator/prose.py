"""Short unrelated prose from a small grammar.

A scene is a list of sentence pools; a document takes one sentence from most of
them. {name} slots are filled from LISTS; N, P and Q stand for one person of
the scene (name, pronoun, possessive).
"""

COUNT = 17000

NAMES = [("Anna", "she"), ("Tom", "he"), ("Clara", "she"), ("Peter", "he"), ("Ruth", "she"),
         ("Oscar", "he"), ("Lucy", "she"), ("Henry", "he"), ("Nora", "she"), ("Simon", "he"),
         ("Grandmother", "she"), ("my uncle", "he"), ("the postman", "he"), ("our neighbour", "she"),
         ("the old captain", "he"), ("the baker's wife", "she"), ("Edith", "she"), ("Walter", "he"),
         ("my sister", "she"), ("the miller", "he"), ("Alice", "she"), ("Jack", "he"),
         ("a shepherd", "he"), ("the young nurse", "she"), ("Cousin Ben", "he")]

LISTS = {
    "day": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    "when": ["in the morning", "at noon", "towards evening", "at dawn", "late at night", "after lunch", "before sunrise", "all day long", "for an hour", "now and then"],
    "season": ["spring", "summer", "autumn", "winter", "March", "October", "the rainy season", "the cold weeks"],
    "sky": ["The sky was grey", "Clouds hung over the hills", "The sun came out", "A thin fog lay on the fields", "The wind blew from the sea", "Rain fell without a pause", "Snow covered the roofs",
            "It was warm and still", "Frost sat on the windows", "A storm was near", "The air smelled of rain", "Stars filled the sky", "The heat was heavy", "A rainbow stood over the valley"],
    "effect": ["the paths turned to mud", "nobody went out", "the children played outside", "the river rose", "the birds fell silent", "the leaves shook", "the washing dried quickly", "the cows stayed in the barn",
               "the lamps were lit early", "the ferry did not run", "the streets were empty", "people opened their windows", "the roofs dripped", "the gate creaked", "the pond froze"],
    "where": ["by the river", "in the forest", "on the hill", "near the church", "along the coast", "behind the school", "at the crossroads", "in the old town", "beside the railway", "under the chestnut trees", "on the bridge",
              "by the lake", "between the fields", "in a narrow lane", "at the edge of the village"],
    "animal": ["a fox", "two deer", "a black cat", "an owl", "a lost dog", "a heron", "some geese", "a hedgehog", "a hare", "a flock of starlings", "a lame horse", "a goat", "a toad", "a squirrel", "three ducks"],
    "did": ["stopped and listened", "crossed the path", "slept in the grass", "looked up at us", "ran into the bushes", "waited for food", "drank from a puddle", "made no sound", "hid behind a stone", "came quite close"],
    "good": ["onions", "fresh bread", "a jar of honey", "six eggs", "a bunch of carrots", "goat cheese", "dried beans", "a sack of potatoes", "red apples", "a pound of butter", "candles", "a straw hat", "wool socks", "a clay pot",
             "green tea", "walnuts", "a basket of pears", "smoked ham"],
    "thing": ["a rusty key", "an umbrella", "a torn map", "a silver spoon", "a wooden flute", "a letter without a name", "a single glove", "an old watch", "a bundle of keys", "a red scarf", "a broken lamp", "a box of buttons",
              "a tin soldier", "a green bottle", "a pair of glasses", "a small bell", "a book of poems", "a photograph"],
    "place": ["the attic", "the garden shed", "the cellar", "the train", "the kitchen drawer", "the hallway", "the post office", "the barn", "the school yard", "the boat house", "the inn", "the station", "the hedge", "the bakery"],
    "feel": ["tired but happy", "a little sad", "full of hope", "very hungry", "quite alone", "at peace", "rather proud", "cold and wet", "surprised", "curious", "relieved", "cross with everyone", "wide awake"],
    "food": ["pea soup", "pancakes", "baked apples", "fish with lemon", "a plain omelette", "barley stew", "plum cake", "roast potatoes", "noodles", "a thick porridge", "mushrooms on toast", "bean salad", "rye bread with butter", "dumplings"],
    "work": ["mended a fence", "painted the door", "planted beans", "swept the yard", "wrote a long letter", "fixed the roof", "cleaned the stove", "sorted old papers", "chopped wood", "washed the windows", "picked berries", "fed the hens",
             "tuned the piano", "read the newspaper", "knitted a scarf", "repaired a bicycle", "watered the roses", "practised the violin"],
    "plan": ["visit the coast", "learn to sail", "buy a piano", "sell the house", "plant a pear tree", "take the night train", "write a book", "keep bees", "paint the fence green", "go to bed early", "call an old friend",
             "bake a cake", "climb the hill", "clean the attic", "start a choir"],
    "person": ["a stranger", "an old friend", "the doctor", "a boy with a kite", "two cyclists", "a woman with a basket", "the schoolmaster", "a fisherman", "a travelling singer", "the new neighbour", "a tired soldier", "a girl in a red coat",
               "the mayor", "a monk", "a street painter"],
    "say": ["the bridge was closed", "winter would come early", "the bus was late again", "nothing lasts for ever", "the soup needed salt", "the shop had moved", "there would be music", "the road was longer than it looked",
            "the best time was yesterday", "the key was under the mat", "the well had run dry", "the baker had twins", "it was going to rain"],
    "adj": ["quiet", "strange", "long", "bright", "windy", "lovely", "slow", "busy", "dull", "golden", "cold", "gentle"],
    "end": ["Then it was time to go home.", "Nobody spoke of it again.", "The evening was calm.", "It was a {adj} day.", "Later everyone laughed about it.", "That was all.", "And so the week ended.", "The clock struck nine.", "In the end it did not matter.",
            "The dog barked once and slept.", "The fire burned low.", "Soon the stars came out.", "One could hear music from afar.", "It would be different in {season}.", "The smell of {food} filled the house.", "Tomorrow would be {adj}."],
    "mood": ["slowly", "in silence", "with a smile", "without a word", "in a hurry", "with great care", "humming a tune", "as always", "for the first time", "rather late"],
    "closing": ["Yours, {from}", "With love, {from}", "Greetings from {from}", "Write soon, {from}", "Your friend {from}", "Best wishes, {from}"],
    "from": ["Martha", "Paul", "Emil", "Rosa", "Victor", "Ida", "Hugo", "Greta", "Leo", "Agnes"],
    "to": ["Dear Martha", "Dear Paul", "Dear aunt", "My dear friend", "Dear Emil", "Dear Rosa", "Dear brother", "Dear Hugo", "Dear Ida", "Dear Mr. Green", "Dear Mrs. Hill"],
    "sound": ["a door slammed", "a bell rang", "someone laughed", "a whistle blew", "the floor creaked", "a cup fell", "the wind howled", "a train passed", "thunder rolled", "a child sang"],
    "price": ["a fair price", "two coins", "far too much", "less than last week", "nothing at all", "half the price", "a whole crown", "a few pennies"],
}

SCENES = [
    # weather
    [["{sky} {when}, and {effect}.", "On {day} {effect}, for {sky_}.", "{sky} on {day}.", "It was {season}, and {effect}.", "{sky}, so {effect}.", "After a {adj} night, {effect}."],
     ["{Where} we saw {animal}.", "N {work} all the same.", "The forecast said that {say}.", "People said that {say}.", "By evening {effect}.", "Then {sky_} again.", "{Where}, {person} waited for better weather."],
     ["", "{end}"]],
    # walk
    [["N went for a walk {where}.", "On {day} N walked {where} {when}.", "{When} N took the path {where}.", "N and {person} strolled {where} {mood}.", "One {adj} day in {season} N set out {mood}.", "N had never been {where} before."],
     ["{sky}, and {effect}.", "P saw {animal} that {did}.", "P met {person}, who said that {say}.", "Suddenly {sound}, and {animal} {did}.", "P found {thing} {where}.", "{Person} asked the way to {place}."],
     ["P came home {feel}.", "P turned back {mood}.", "{end}", "At home P ate {food}.", "P wanted to {plan} next.", ""]],
    # market
    [["The market was {adj} on {day}.", "N bought {good} and {good}.", "N went to the market for {good}.", "{Person} sold {good} {where}.", "At the market {person} offered {good} {mood}.", "{sky} when the market opened."],
     ["P paid {price} for {good}.", "{Good} cost {price}.", "A bag of {food_} would have been better, said {person}.", "Next to the stall {animal} {did}.", "Someone shouted that {say}.", "For {good}, {person} wanted {price}.", "N forgot {thing} at the stall."],
     ["P went home {feel}.", "{end}", "That evening there was {food}.", "P carried everything home {mood}.", ""]],
    # find
    [["N found {thing} in {place}.", "There was {thing} in {place}, and nobody knew why.", "For years {thing} had been lying in {place}.", "On {day} {person} lost {thing} near {place}.", "N kept {thing} in {place}.", "While N {work}, {thing} fell from a shelf."],
     ["P showed it to {person}.", "{Person} said that {say}.", "It had once belonged to {person}.", "P put it back {mood}.", "P traded it for {good}.", "Next to it lay {thing}.", "P took it to {place} {when}."],
     ["{end}", "P felt {feel}.", "Now P wanted to {plan}.", ""]],
    # home
    [["N {work} {when}.", "On {day} N {work} and then {work}.", "In {season} N often {work}.", "N stayed at home and {work} {mood}.", "While {person} {work}, N made {food}.", "N {work}, because {sky_}."],
     ["For supper there was {food}.", "P ate {food} {mood}.", "Outside {effect}.", "Suddenly {sound}.", "{Person} came by with {good}.", "P thought about {person} {when}.", "In {place}, {animal} {did}."],
     ["P was {feel}.", "{end}", "Before bed P planned to {plan}.", "P fell asleep {feel}.", ""]],
    # letter
    [["{to}, thank you for {thing}.", "{to}, we are all well here.", "{to}, {season} has come and {effect}.", "{to}, on {day} I {work}.", "{to}, do you remember {person}?", "{to}, your letter came on {day}."],
     ["Here {effect}.", "I want to {plan}.", "N {work} and sends greetings.", "Please send {good} and {thing}.", "{Person} told me that {say}.", "Yesterday I met {person} {where}.", "I am {feel}."],
     ["{closing}", "{closing}", "Come and see us in {season}. {closing}"]],
    # journey
    [["The train left {when}.", "N travelled all {day} {mood}.", "N took the bus to the coast in {season}.", "{Person} shared a carriage with N.", "The boat was late, for {sky_}.", "N missed the train because of {thing}."],
     ["P had only {good} to eat.", "From the window one saw {animal} {where}.", "{Person} spoke of {person_} and said that {say}.", "At the station {sound}.", "P read {when} and slept {mood}.", "In the next town P bought {good}."],
     ["P arrived {feel}.", "{end}", "P still hoped to {plan}.", ""]],
    # tale
    [["Once there was {person} who wanted to {plan}.", "{Person} and {animal} once met {where}.", "Long ago {animal} lived {where}.", "They tell of {person} who lost {thing}.", "Every {season} {person} came to the village with {good}."],
     ["One {day} {sound}, and {effect}.", "Nobody believed that {say}.", "In {place} lay {thing}.", "{When} {person} came and asked for {food}.", "N gave away {good} for {thing}.", "The villagers {work} {mood}."],
     ["{end}", "From then on {person} was {feel}.", "The moral is that {say}.", "Since then {animal} comes back every {season}.", ""]],
    # talk
    [['"I want to {plan}," said N {mood}.', 'N asked {person} whether {say}.', '"{Say}," said {person}.', 'N told {person} that {say}.', '"Did you see {thing} in {place}?" asked N.', '"There is {animal} {where}," N called {mood}.'],
     ['{Person} answered that {say}.', '"Not on {day}," said {person}.', "{Person} only {work}.", 'Then {sound}, and they were silent.', '"Have some {food} first," was the answer.', "They shared {food} {where}."],
     ["{end}", "N went home {feel}.", "They parted {mood}.", ""]],
]


def lower(text):
    return text[0].lower() + text[1:]


def capital(text):
    return text[0].upper() + text[1:]


def expand(text, used, rng):
    """Fills the slots from left to right; no entry is used twice."""
    while "{" in text:
        start = text.index("{")
        stop = text.index("}", start)
        slot = text[start + 1:stop]
        pool = LISTS[slot.lower().rstrip("_")]
        item = rng.choice(pool)
        while item in used and len(pool) > 2:
            item = rng.choice(pool)
        used.add(item)
        if slot[0].isupper():
            item = capital(item)
        elif slot.endswith("_"):
            item = lower(item)
        text = text[:start] + item + text[stop + 1:]
    return text


def words(text, person):
    """Puts the person into a sentence's N and P."""
    name, pronoun = person
    out = []
    for word in text.split(" "):
        core = word.rstrip(".,!?\"")
        swap = {"N": name, "P": pronoun}.get(core)
        out.append(word if swap is None else swap + word[len(core):])
    return " ".join(out)


def document(rng):
    person = rng.choice(NAMES)
    used = set()
    sentences = []
    named = False
    for pool in rng.choice(SCENES):
        template = rng.choice(pool)
        if not template:
            continue
        tokens = [word.strip(".,!?\"") for word in template.split(" ")]
        if "P" in tokens and not named:
            # Names the person before the first pronoun.
            index = template.split(" ")
            index[tokens.index("P")] = index[tokens.index("P")].replace("P", "N")
            template = " ".join(index)
        named = named or "N" in tokens or "P" in tokens
        text = words(expand(template, used, rng), person)
        sentences.append(capital(text) if text[0] != '"' else text)
    return " ".join(sentences)


def build(corpus, scale, rng, scaled):
    corpus.fill("prose", "prose", scaled(COUNT, scale), lambda: document(rng))
    return []
