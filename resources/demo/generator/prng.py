"""A small pseudo-random generator (splitmix64) whose output is the same on
every Python version and platform."""

MASK = (1 << 64) - 1


class Rng:
    def __init__(self, seed, *labels):
        """A stream named by a seed and any labels (strings or integers)."""
        self.state = seed & MASK
        for label in labels:
            for byte in str(label).encode("utf-8") + b"\0":
                self.state = ((self.state ^ byte) * 0x100000001B3) & MASK
            self.next()

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def below(self, n):
        return (self.next() * n) >> 64

    def randint(self, low, high):
        """An integer from low to high, both included."""
        return low + self.below(high - low + 1)

    def choice(self, items):
        return items[self.below(len(items))]

    def chance(self, percent):
        return self.below(100) < percent

    def shuffle(self, items):
        for i in range(len(items) - 1, 0, -1):
            j = self.below(i + 1)
            items[i], items[j] = items[j], items[i]

    def sample(self, items, count):
        pool = list(items)
        self.shuffle(pool)
        return pool[:count]
