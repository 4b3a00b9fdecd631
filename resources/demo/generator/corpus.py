"""The growing collection of documents."""

MAX_CHARS = 450


class Corpus:
    def __init__(self):
        self.docs = []
        self.texts = set()
        self.counters = {}
        self.refused = 0

    def add(self, source, task, text, facts=()):
        """Adds a document unless the same text is already there."""
        assert text.isascii(), text
        assert len(text) <= MAX_CHARS, (len(text), text)
        if text in self.texts:
            self.refused += 1
            return False
        self.texts.add(text)
        key = (task, source)
        number = self.counters.get(key, 0)
        self.counters[key] = number + 1
        self.docs.append({
            "id": "%s-%s-%05d" % (task, source, number),
            "source": source,
            "task": task,
            "facts": list(facts),
            "text": text,
        })
        return True

    def fill(self, source, task, count, make, tries=60):
        """Adds `count` documents from make(), skipping repeated texts."""
        for _ in range(count):
            for _ in range(tries):
                if self.add(source, task, make()):
                    break


QUICK_PERCENT = 25
QUICK = ["Answer at once. {q}", "Quickly: {q}"]


def forum(question, thought, answer):
    """A forum document."""
    return "%s\n<think>%s</think>\n%s" % (question, thought, answer)


def quick_forum(question, answer, rng):
    """One whose asker wants no thought, and says so: whether to think is then
    no toss of a coin, and costs a completion no nats."""
    return forum(rng.choice(QUICK).format(q=question), "", answer)
