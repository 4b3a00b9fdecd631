#!/usr/bin/env python3
"""Writes runtime/model/tokenizer/newer_characters.cpp: where the crate `tokenizers` and the Unicode libraries of the
distribution know different versions of Unicode. Run with Python 3.11 (whose own tables are Unicode 14, as the oldest of
those libraries') and the PyPI packages `tokenizers` and unicodedata2==16.0.0 (what the crate's patterns know)."""

import pathlib
import unicodedata

import tokenizers
import unicodedata2
from tokenizers import normalizers, pre_tokenizers

OUT = pathlib.Path(__file__).parents[3] / "runtime/model/tokenizer/newer_characters.cpp"
EVERY = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
CATEGORY = {c: unicodedata2.category(chr(c)) for c in EVERY}
NFD, NFKD = normalizers.NFD(), normalizers.NFKD()

HEAD = """// Written by tests/golden/tokenizers/make_characters.py with tokenizers %s.
#include "runtime/model/tokenizer/newer_characters.h"

#include <algorithm>

namespace stemma {

namespace {

using enum NewerCharacters::Flip;

// clang-format off
constexpr NewerCharacters rows[] = {
"""
TAIL = """};
// clang-format on

}  // namespace

std::span<const NewerCharacters> newer_characters() { return rows; }

const NewerCharacters* newer_character(char32_t character) {
  const auto* place = std::lower_bound(std::begin(rows), std::end(rows), character,
                                       [](const NewerCharacters& row, char32_t c) { return row.last < c; });
  return place != std::end(rows) && place->first <= character ? place : nullptr;
}

}  // namespace stemma
"""


def within(*names):
    return {c for c in EVERY if CATEGORY[c] in names or CATEGORY[c][0] in names}


def removed(normalizer):
    """Where the character is gone, and not because it is spelled otherwise."""
    return {c for c in EVERY if normalizer.normalize_str("x" + chr(c) + "x") == "xx"}


def divided(pre_tokenizer):
    return {c for c in EVERY if len(pre_tokenizer.pre_tokenize_str("a" + chr(c) + "b")) == 3}


def beyond_the_normal_forms():
    """What decomposes, composes or is reordered, but not in the crate, which knows Unicode 9."""
    found = set()
    for c in EVERY:
        marked = "a\u0345" + chr(c)
        if unicodedata2.combining(chr(c)) and c != 0x345 and NFD.normalize_str(marked) == marked: found.add(c)
        parts = unicodedata2.decomposition(chr(c))
        if parts and NFKD.normalize_str(chr(c)) == chr(c):
            found.add(c)
            if not parts.startswith("<"): found.add(int(parts.split(" ")[0], 16))
    return found


def main():
    assert unicodedata.unidata_version == "14.0.0" and unicodedata2.unidata_version == "16.0.0"
    spaces = within("Z") | {9, 10, 13}
    flips = {
        "normal_forms": beyond_the_normal_forms(),
        "accents": within("M") ^ removed(normalizers.StripAccents()),
        "nonspacing": within("Mn") ^ removed(normalizers.BertNormalizer(False, False, True, False)),
        "punctuation": {c for c in within("P") ^ divided(pre_tokenizers.Punctuation()) if c > 0x7F},
        "control": (within("Cc", "Cf", "Co") - spaces) ^ (removed(normalizers.BertNormalizer(True, False, False, False)) - {0xFFFD}),
        "numeric": within("N") ^ divided(pre_tokenizers.Digits(True)),
    }
    for c in EVERY:  # what NFD spells otherwise is not asked
        if NFD.normalize_str(chr(c)) != chr(c): flips["nonspacing"].discard(c)
    rows = []
    for c in EVERY:
        changed = CATEGORY[c] if CATEGORY[c] != unicodedata.category(chr(c)) else ""
        names = [name for name, flipped in flips.items() if c in flipped]
        if not changed and not names: continue
        if rows and rows[-1][1] == c - 1 and rows[-1][2:] == [changed, names]: rows[-1][1] = c
        else: rows.append([c, c, changed, names])
    lines = [""]
    for first, last, changed, names in rows:
        cell = '{0x%X, 0x%X, "%s", %s},' % (first, last, changed, " | ".join(names) or "0")
        if len(lines[-1]) + len(cell) > 117: lines.append("")
        lines[-1] += (" " if lines[-1] else "    ") + cell
    OUT.write_text(HEAD % tokenizers.__version__ + "\n".join(lines) + "\n" + TAIL)
    print(f"{OUT}: {len(rows)} rows;", {name: len(flipped) for name, flipped in flips.items()})


if __name__ == "__main__":
    main()
