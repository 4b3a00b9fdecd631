"""Invented people, places and things, and what the corpus says of them."""

from . import fact_texts as texts
from .corpus import QUICK, QUICK_PERCENT, forum

PEOPLE, PLACES, THINGS = 60, 30, 30
BOTH, SINGLE, QUESTIONS = 16, 18, 20  # documents per entity, per fact, per fact
EVALUATION_PROMPTS = 120
HELD_OUT_WORDINGS = 2

ONSETS = ["b", "br", "d", "dr", "f", "g", "gr", "h", "j", "k", "kl", "l", "m",
          "n", "p", "pl", "r", "s", "st", "t", "tr", "v", "w", "z"]
VOWELS = ["a", "e", "i", "o", "u"]
CODAS = ["", "l", "n", "r", "s", "m"]
ENDS = {
    "given": ["a", "o", "is", "en", "ia", "ik", "el", "or"],
    "surname": ["lund", "mar", "vik", "sen", "dal", "rin", "berg", "tov", "nik", "well"],
    "town": ["ford", "ham", "burg", "mouth", "stead", "wick", "haven", "bridge"],
    "place": ["dor", "mere", "gard", "thorpe", "nock", "by", "rath", "minster"],
    "river": ["na", "va", "ra", "mo", "sa"],
    "region": ["land", "mark", "shire", "wold", "moor"],
    "thing": ["tor", "ton", "max", "dex", "lix", "zan"],
}


class Names:
    """Makes names of two syllables; no first syllable is used twice."""

    def __init__(self, rng):
        self.rng = rng
        self.firsts = [o + v + c for o in ONSETS for v in VOWELS for c in CODAS]
        rng.shuffle(self.firsts)

    def make(self, kind):
        end = self.rng.choice(ENDS[kind])
        while True:
            first = self.firsts.pop()
            vowel_meets_vowel = first[-1] in VOWELS and end[0] in VOWELS
            if len(first) >= 2 and not vowel_meets_vowel and first[-1] != end[0]:
                return (first + end).capitalize()


def article(noun):
    return ("an " if noun[0] in "aeiou" else "a ") + noun


class Entity:
    def __init__(self, ident, kind, name, pronoun, values):
        self.ident, self.kind, self.name, self.pronoun = ident, kind, name, pronoun
        self.values = values  # relation -> value, two of them

    def fact_id(self, relation):
        return "%s.%s" % (self.ident, relation)

    def fill(self, template, relation, subject=None):
        """Fills a sentence template; {s} is the subject, {v} the value."""
        value = self.values[relation]
        text = template.format(s=subject or self.name, v=value, av=article(value),
                               n=self.name, p=self.pronoun.lower())
        return text[0].upper() + text[1:]


def make_entities(rng):
    names = Names(rng)
    towns = [names.make("town") for _ in range(30)]
    rivers = [names.make("river") for _ in range(20)]
    regions = [names.make("region") for _ in range(20)]

    def spread(values):
        # Hands the values out in shuffled rounds, so that none is frequent.
        pool = []
        while True:
            if not pool:
                pool = list(values)
                rng.shuffle(pool)
            yield pool.pop()

    town, river, region = spread(towns), spread(rivers), spread(regions)
    work, fame = spread(texts.PROFESSIONS), spread(texts.KNOWN_FOR)
    material, use, kind = spread(texts.MATERIALS), spread(texts.USES), spread(texts.KINDS)

    entities, people = [], []
    for number in range(PEOPLE):
        name = names.make("given") + " " + names.make("surname")
        people.append(name)
        entities.append(Entity("person-%02d" % number, "person", name,
                               rng.choice(["He", "She"]),
                               {"birthplace": next(town), "profession": next(work)}))
    for number in range(PLACES):
        values = {"river": next(river), "known_for": next(fame), "region": next(region)}
        del values[["river", "known_for", "region"][number % 3]]
        entities.append(Entity("place-%02d" % number, "place", names.make("place"),
                               "It", values))
    inventor = spread(people)
    for number in range(THINGS):
        values = {"material": next(material), "inventor": next(inventor), "use": next(use)}
        del values[["material", "inventor", "use"][number % 3]]
        entities.append(Entity("thing-%02d" % number, "thing",
                               "the %s %s" % (names.make("thing"), next(kind)),
                               "It", values))
    return entities


def entry(entity, relations, rng):
    """An encyclopaedia entry that states the given facts."""
    sentences = []
    for index, relation in enumerate(relations):
        subject = entity.pronoun if index else entity.name
        sentences.append(entity.fill(rng.choice(texts.STATEMENTS[relation]),
                                     relation, subject))
    where = rng.below(3)
    if where == 0:
        sentences.append(entity.fill(rng.choice(texts.FILLERS[entity.kind]),
                                     relations[0], entity.pronoun))
    elif where == 1:
        sentences.append(rng.choice(texts.CLOSERS))
    text = " ".join(sentences)
    if rng.chance(25):
        name = entity.name[0].upper() + entity.name[1:]
        text = rng.choice(texts.HEADINGS).format(n=name) + " " + text
    return text


def build(corpus, scale, rng, scaled):
    entities = make_entities(rng)
    prompts, kept_wordings = [], {}
    for entity in entities:
        for relation in sorted(entity.values):
            wordings = list(texts.QUESTIONS[relation])
            rng.shuffle(wordings)
            kept_wordings[entity.fact_id(relation)] = wordings[HELD_OUT_WORDINGS:]
            prompts.append({
                "task": "fact",
                "prompt": entity.fill(rng.choice(wordings[:HELD_OUT_WORDINGS]), relation),
                "answer": entity.values[relation],
                "facts": [entity.fact_id(relation)],
                "kind": "recall",
            })
    prompts = rng.sample(prompts, EVALUATION_PROMPTS)

    for entity in entities:
        relations = sorted(entity.values)
        facts = {relation: entity.fact_id(relation) for relation in relations}

        def add_entry(chosen):
            for _ in range(60):
                if corpus.add("encyclopaedia", "fact", entry(entity, chosen, rng),
                              [facts[relation] for relation in chosen]):
                    break

        for number in range(scaled(BOTH, scale)):
            add_entry(relations if number % 2 else relations[::-1])
        for relation in relations:
            for _ in range(int(SINGLE * scale + 0.5)):
                add_entry([relation])

        for relation in relations:
            # The question's wording decides how the thought opens, so that the
            # nats of a completion are those of the fact.
            thoughts, value = texts.THOUGHTS[relation], entity.values[relation]
            asked = [(wording, thoughts[texts.QUESTIONS[relation].index(wording) % len(thoughts)])
                     for wording in kept_wordings[facts[relation]]]
            slow = [(frame, wording, thought) for wording, thought in asked
                    for frame in texts.FRAMES]
            quick = [(frame, wording, "") for wording, _ in asked for frame in QUICK]
            rng.shuffle(slow)
            rng.shuffle(quick)
            count = scaled(QUESTIONS, scale)
            few = count * QUICK_PERCENT // 100
            for frame, wording, thought in slow[:count - few] + quick[:few]:
                text = forum(frame.format(q=entity.fill(wording, relation)),
                             entity.fill(thought, relation) if thought else "", value)
                corpus.add("forum", "fact", text, [facts[relation]])
    return [dict({"id": "eval-fact-%03d" % number}, **prompt)
            for number, prompt in enumerate(prompts)]
