#!/usr/bin/env python3
"""Writes the demo corpus, its tokenizer and the held-out prompts.

    python3 make_corpus.py --out DIR [--scale 1.0] [--seed 1]

Only the standard library is used, and the same arguments give the same bytes
on every Python version.
"""

import argparse
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from generator import bpe, facts, policies, prose, tasks  # noqa: E402
from generator.corpus import Corpus  # noqa: E402
from generator.prng import Rng  # noqa: E402

VOCAB_SIZE = 1024


def scaled(count, scale):
    return max(1, int(count * scale + 0.5))


def write_lines(path, rows):
    with open(path, "w", encoding="ascii", newline="\n") as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=True) + "\n")


def check(corpus, prompts):
    """No held-out prompt may stand in any document."""
    everything = "\n\n".join(doc["text"] for doc in corpus.docs)
    seen = set()
    for prompt in prompts:
        assert prompt["prompt"] not in everything, prompt
        assert prompt["prompt"] not in seen, prompt
        seen.add(prompt["prompt"])


def summary(corpus):
    table = {}
    for doc in corpus.docs:
        row = table.setdefault(doc["task"], {})
        row[doc["source"]] = row.get(doc["source"], 0) + 1
    for task in sorted(table):
        row = table[task]
        parts = ", ".join("%s %d" % (name, row[name]) for name in sorted(row))
        print("%-11s %6d  (%s)" % (task, sum(row.values()), parts))
    chars = sum(len(doc["text"]) for doc in corpus.docs)
    print("documents   %6d, %d characters, %d repeats skipped"
          % (len(corpus.docs), chars, corpus.refused))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", required=True, help="folder to write into")
    parser.add_argument("--scale", type=float, default=1.0,
                        help="share of the full size (1.0: about 100,000 documents)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    corpus = Corpus()
    prompts = []
    for name in tasks.TASKS:
        prompts += tasks.build(name, corpus, options.scale,
                               Rng(options.seed, name), scaled)
    for part in (facts, policies, prose):
        prompts += part.build(corpus, options.scale,
                              Rng(options.seed, part.__name__.split(".")[-1]),
                              scaled)
    check(corpus, prompts)
    Rng(options.seed, "order").shuffle(corpus.docs)

    os.makedirs(options.out, exist_ok=True)
    write_lines(os.path.join(options.out, "corpus.jsonl"), corpus.docs)
    write_lines(os.path.join(options.out, "evaluation.jsonl"), prompts)
    alphabet, merges = bpe.train((doc["text"] for doc in corpus.docs), VOCAB_SIZE)
    size = bpe.write(os.path.join(options.out, "model_tokenizer"), alphabet, merges)
    assert size == VOCAB_SIZE, size
    summary(corpus)
    print("prompts     %6d, tokens in the vocabulary %d" % (len(prompts), size))


if __name__ == "__main__":
    main()
