#!/usr/bin/env python3
"""Encodes the same text with `stemma bench tokenize` and with the PyPI packages `tokenizers` and `tiktoken`, one thread
each and the same vocabulary, and prints the speeds (by processor time) and their ratios.

    tokenizer_speed.py --stemma build/release/bin/stemma --model DIR --text FILE [--tiktoken gpt2] [--repeat 5]

DIR holds a tokenizer.json; --tiktoken names the pattern to use with its ranks, taken from the same vocabulary."""

import argparse
import json
import os
import pathlib
import subprocess
import time

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

PATTERNS = {
    "gpt2": r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s",
    "cl100k": r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
}


def byte_of_character():
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {**{chr(byte): byte for byte in printable}, **{chr(256 + i): byte for i, byte in enumerate(others)}}


def best(work, repeat):
    times = []
    for _ in range(repeat):
        begin = time.process_time()
        result = work()
        times.append(time.process_time() - begin)
    return min(times), result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stemma", required=True)
    parser.add_argument("--model", required=True, type=pathlib.Path)
    parser.add_argument("--text", required=True, type=pathlib.Path)
    parser.add_argument("--tiktoken", choices=sorted(PATTERNS))
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    text = arguments.text.read_text(encoding="utf-8")
    size = arguments.text.stat().st_size / 1e6
    ours = json.loads(subprocess.run([arguments.stemma, "bench", "tokenize", "--model", arguments.model, "--text", arguments.text,
                                      "--repeat", str(arguments.repeat), "--json"], check=True, capture_output=True).stdout)
    rows = {"stemma": (ours["best_seconds"], ours["tokens"])}

    import tokenizers
    hugging = tokenizers.Tokenizer.from_file(str(arguments.model / "tokenizer.json"))
    seconds, encoded = best(lambda: hugging.encode(text, add_special_tokens=False), arguments.repeat)
    rows[f"tokenizers {tokenizers.__version__}"] = (seconds, len(encoded.ids))
    if arguments.tiktoken:
        import tiktoken
        letters = byte_of_character()
        vocabulary = json.loads((arguments.model / "tokenizer.json").read_text())["model"]["vocab"]
        spelled = {token: id for token, id in vocabulary.items() if all(letter in letters for letter in token)}
        ranks = {bytes(letters[letter] for letter in token): id for token, id in spelled.items()}
        encoding = tiktoken.Encoding("bench", pat_str=PATTERNS[arguments.tiktoken], mergeable_ranks=ranks, special_tokens={})
        seconds, encoded = best(lambda: encoding.encode_ordinary(text), arguments.repeat)
        rows[f"tiktoken {tiktoken.__version__}"] = (seconds, len(encoded))
    fastest = min(seconds for name, (seconds, _) in rows.items() if name != "stemma")
    for name, (seconds, tokens) in rows.items():
        print(f"{name:24} {size / seconds:8.1f} MB/s  {tokens} tokens  {rows['stemma'][0] / seconds:6.2f} of stemma's speed")
    print(f"stemma takes {rows['stemma'][0] / fastest:.2f} of the time of the fastest other")


if __name__ == "__main__":
    main()
