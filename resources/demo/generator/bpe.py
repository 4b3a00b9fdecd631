"""A small byte-level BPE trainer and the writer of its tokenizer.json."""

import heapq
import json
import os
import re

ADDED = ["<|endoftext|>", "<think>", "</think>"]

# What the tokenizer file says, and the same thing for ASCII text in `re`.
FILE_REGEX = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
              r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
PRETOKEN = re.compile(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\nA-Za-z0-9]?[A-Za-z]+|[0-9]"
    r"| ?[^\sA-Za-z0-9]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
SPLIT_ADDED = re.compile("|".join(re.escape(token) for token in ADDED))


def byte_alphabet():
    """The GPT-2 mapping of the 256 bytes to printable characters."""
    kept = (list(range(ord("!"), ord("~") + 1)) + list(range(0xA1, 0xAD))
            + list(range(0xAE, 0x100)))
    mapping = {byte: chr(byte) for byte in kept}
    extra = 0
    for byte in range(256):
        if byte not in mapping:
            mapping[byte] = chr(256 + extra)
            extra += 1
    return mapping


def count_words(texts):
    counts = {}
    for text in texts:
        for piece in SPLIT_ADDED.split(text):
            for word in PRETOKEN.findall(piece):
                counts[word] = counts.get(word, 0) + 1
    return counts


def train(texts, vocab_size):
    """Returns the alphabet (256 characters in byte order) and the merges.

    No merge crosses an added token. No merge takes in a line break either, so
    that a question has the same tokens whether or not a line break follows.
    """
    mapping = byte_alphabet()
    newlines = (mapping[10], mapping[13])
    words, freqs = [], []
    for word, count in sorted(count_words(texts).items()):
        words.append([mapping[byte] for byte in word.encode("utf-8")])
        freqs.append(count)

    counts, where = {}, {}
    for index, symbols in enumerate(words):
        for pair in zip(symbols, symbols[1:]):
            counts[pair] = counts.get(pair, 0) + freqs[index]
            where.setdefault(pair, set()).add(index)
    heap = [(-count, pair) for pair, count in counts.items()]
    heapq.heapify(heap)

    merges = []
    wanted = vocab_size - len(ADDED) - 256
    while len(merges) < wanted:
        if not heap:
            raise SystemExit("the corpus is too small for %d tokens" % vocab_size)
        negative, pair = heapq.heappop(heap)
        if counts.get(pair, 0) != -negative or negative == 0:
            continue  # a stale entry
        if pair[0] in newlines or pair[1] in newlines:
            continue
        merges.append(pair)
        joined = pair[0] + pair[1]
        touched = set()
        for index in sorted(where[pair]):
            old = words[index]
            new, i = [], 0
            while i < len(old):
                if i + 1 < len(old) and old[i] == pair[0] and old[i + 1] == pair[1]:
                    new.append(joined)
                    i += 2
                else:
                    new.append(old[i])
                    i += 1
            if len(new) == len(old):
                continue
            for before in zip(old, old[1:]):
                counts[before] -= freqs[index]
                touched.add(before)
            for after in zip(new, new[1:]):
                counts[after] = counts.get(after, 0) + freqs[index]
                where.setdefault(after, set()).add(index)
                touched.add(after)
            words[index] = new
        for item in sorted(touched):
            if counts[item] > 0:
                heapq.heappush(heap, (-counts[item], item))
    return [mapping[byte] for byte in range(256)], merges


def write(folder, alphabet, merges):
    vocab = {}
    for token in ADDED + alphabet + [a + b for a, b in merges]:
        assert token not in vocab, token
        vocab[token] = len(vocab)
    added = [{"id": vocab[token], "content": token, "single_word": False,
              "lstrip": False, "rstrip": False, "normalized": False,
              "special": token == ADDED[0]} for token in ADDED]
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": FILE_REGEX},
             "behavior": "Isolated", "invert": False},
            {"type": "ByteLevel", "add_prefix_space": False,
             "trim_offsets": True, "use_regex": False}]},
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": False,
                    "trim_offsets": True, "use_regex": False},
        "model": {"type": "BPE", "dropout": None, "unk_token": None,
                  "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False,
                  "byte_fallback": False, "ignore_merges": False,
                  "vocab": vocab, "merges": [list(pair) for pair in merges]},
    }
    config = {"tokenizer_class": "PreTrainedTokenizerFast",
              "bos_token": ADDED[0], "eos_token": ADDED[0],
              "model_max_length": 512, "add_bos_token": True}
    os.makedirs(folder, exist_ok=True)
    for name, data in (("tokenizer.json", tokenizer),
                       ("tokenizer_config.json", config)):
        with open(os.path.join(folder, name), "w", encoding="utf-8",
                  newline="\n") as out:
            json.dump(data, out, ensure_ascii=False, indent=1)
            out.write("\n")
    return len(vocab)
