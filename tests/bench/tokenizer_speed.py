#!/usr/bin/env python3
"""Encodes one text with `stemma bench tokenize` and with the PyPI packages `tokenizers`, `tiktoken`, `sentencepiece` and
`gigatoken`, one thread each and the same vocabulary, and prints their speeds as a section of RESULTS.md.

    tests/bench/tokenizer_speed.py build/release/bin/stemma TEXT DIR[:gpt2|:cl100k] ... >> tests/bench/RESULTS.md

DIR holds a tokenizer.json; a name after it is the pattern for tiktoken, which takes its ranks from the same vocabulary;
sentencepiece reads the tokenizer.model beside it. Packages that are missing are left out. Times are of the processor."""

import datetime
import json
import os
import pathlib
import subprocess
import sys
import time

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

PATTERNS = {
    "gpt2": r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s",
    "cl100k": r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
}
REPEAT = 10
FIRST = "Of 1 text, what is built at first use."


def processor():
    with open("/proc/cpuinfo") as file:
        return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))


def byte_of_character():
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {**{chr(byte): byte for byte in printable}, **{chr(256 + i): byte for i, byte in enumerate(others)}}


def tiktoken_ranks(folder):
    letters = byte_of_character()
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    spelled = {token: id for token, id in vocabulary.items() if all(letter in letters for letter in token)}
    return {bytes(letters[letter] for letter in token): id for token, id in spelled.items()}


def encoders(folder, pattern):
    """Name -> what encodes a text, of the packages that are there and take this tokenizer."""
    def hugging(package):
        made = package.Tokenizer.from_file(str(folder / "tokenizer.json"))
        return lambda text: made.encode(text, add_special_tokens=False).ids

    def tik(package):
        if not pattern: return None
        made = package.Encoding("bench", pat_str=PATTERNS[pattern], mergeable_ranks=tiktoken_ranks(folder), special_tokens={})
        return made.encode_ordinary

    def piece(package):
        model = folder / "tokenizer.model"
        if not model.exists() or model.read_bytes()[:1] != b"\n": return None
        return package.SentencePieceProcessor(model_file=str(model)).encode

    def giga(package):
        return package.Tokenizer(str(folder / "tokenizer.json")).encode

    for name, make in {"tokenizers": hugging, "tiktoken": tik, "sentencepiece": piece, "gigatoken": giga}.items():
        try:
            encode = make(__import__(name))
        except ImportError:
            continue
        if encode: yield name, encode


def timed(encode, text):
    encode(FIRST)
    times = []
    for _ in range(REPEAT):
        begin = time.process_time()
        tokens = len(encode(text))
        times.append(time.process_time() - begin)
    return times[0], min(times[1:]), tokens


def main():
    program, text_file, models = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
    text = text_file.read_text(encoding="utf-8")
    size = text_file.stat().st_size / 1e6
    print(f"\n## Encoding {size:.1f} MB of text ({text_file.name})\n")
    print(f"{datetime.date.today()}, {processor()}, one thread; written by tests/bench/tokenizer_speed.py. MB/s of a text that the "
          "tokenizer has not seen (once, after a short line for what is built at first use) and of the same text again (best of "
          "the next).\n")
    print("| tokenizer | by | unseen | again | tokens | of stemma's speed, unseen | again |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for model in models:
        folder, _, pattern = model.partition(":")
        folder = pathlib.Path(folder)
        done = subprocess.run([program, "bench", "tokenize", "--model", folder / "tokenizer.json", "--text", text_file,
                               "--repeat", str(REPEAT), "--json"], check=True, capture_output=True)
        ours = json.loads(done.stdout)
        rows = {"stemma": (ours["first_seconds"], ours["best_seconds"], ours["tokens"])}
        for name, encode in encoders(folder, pattern):
            rows[name] = timed(encode, text)
        for name, (first, best, tokens) in rows.items():
            print(f"| {folder.name} | {name} | {size / first:.1f} | {size / best:.1f} | {tokens} | "
                  f"x {rows['stemma'][0] / first:.2f} | x {rows['stemma'][1] / best:.2f} |", flush=True)


if __name__ == "__main__":
    main()
