#!/usr/bin/env python3
"""Answers from an index: recall on the whole demo corpus, and the time with many documents; prints a section of RESULTS.md.

    tests/bench/index_answers.py build/release/bin/stemma [--documents 1000000] [--traces 32] [--sample 20000]
        [--only recall|time] >> tests/bench/RESULTS.md
"""
import argparse
import datetime
import pathlib
import tempfile

import model_speed
from attribution_speed import output

demo = pathlib.Path(__file__).parents[2] / "resources/demo"


def recall(program, traces, sample):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        prompts = (demo / "evaluation.jsonl").read_text().splitlines()
        every = max(1, len(prompts) // traces)
        (folder / "prompts.jsonl").write_text("\n".join(prompts[::every][:traces]) + "\n")
        output(program, "generate", "--model", demo / "model", "--prompts", folder / "prompts.jsonl", "--out",
               folder / "s.h5")
        made = output(program, "index", "--model", demo / "model", "--corpus", demo / "corpus.jsonl.zst", "--sample",
                      sample, "--out", folder / "i.h5")
        asked = ["attribute", folder / "s.h5", "--model", demo / "model", "--index", folder / "i.h5"]
        trace = output(program, "show", folder / "s.h5")["traces"][0]
        span = f"{trace['tokens'] - 10}-{trace['tokens'] - 1}"
        answers = {name: output(program, *asked, "--trace", trace["id"], "--span", span, *more)["tables"][0]
                   for name, more in (("as many as needed", []), ("--rescore 1000", ["--rescore", 1000]))}
        check = output(program, *asked, "--check")["check"]
    print(f"The demo's index: {made['documents']:,} documents, {made['numbers']:,} numbers and "
          f"{made['bytes_per_document']:,.0f} bytes a document, made in {made['seconds']:.0f} s. {traces} traces of its "
          f"evaluation, {check['queries']} queries; recall@100 against the exact scan.\n")
    print("| scored exactly | all queries | of at least 0.1 nats "
          f"({check['queries_not_certain']}) |\n| --- | ---: | ---: |")
    for row in check["by_count"]:
        print(f"| the first {row['scored']:,} | {row['recall']:.3f} | {row['recall_not_certain']:.3f} |")
    print(f"| until the last 100 brought at most 3 of the first 100: {check['scored']:,.0f} of both sides, as a mean | "
          f"{check['recall']:.3f} | {check['recall_not_certain']:.3f} |\n")
    for name, table in answers.items():
        print(f"One span of ten tokens, {name}: {table['documents']:,} documents scored exactly; searched in "
              f"{table['search_seconds']:.2f} s, answered in {table['seconds']:.2f} s (model, factors, index and session "
              "already read).\n")


def time(program, documents):
    found = model_speed.run(program, "index", "--documents", str(documents))
    if isinstance(found, str):
        return print(found + "\n")
    print(f"`stemma bench index --documents {documents}`: {found['numbers']:,} random numbers and "
          f"{found['document_tokens']} tokens a document, {found['bytes_per_document']:,.0f} bytes each, "
          f"{found['bytes'] / 1e9:.2f} GB in all, written in {found['write_seconds']:.1f} s. The disk reads "
          f"{found['disk_read_bytes_per_second'] / 1e9:.2f} GB/s, the memory "
          f"{found['memory_read_bytes_per_second'] / 1e9:.1f} GB/s, products {found['products_per_second'] / 1e9:.0f} "
          "GFLOP/s. The floor of a search is its numbers at the rate of the disk (cold), or of memory or products (warm).\n")
    print("| | opened, s | searched, s | floor, s | scored exactly | answered, s |\n| --- | ---: | ---: | ---: | ---: | ---: |")
    for row in found["asked"]:
        print(f"| {row['queries']} {'query' if row['queries'] == 1 else 'queries'}, {'cold' if row['cold'] else 'warm'} | "
              f"{row['open_seconds']:.2f} | {row['search_seconds']:.2f} | {row['search_floor_seconds']:.2f} | "
              f"{row['scored']:,} | {row['answer_seconds']:.2f} |")
    print()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("program")
    arguments.add_argument("--documents", type=int, default=1000000)
    arguments.add_argument("--traces", type=int, default=32)
    arguments.add_argument("--sample", type=int, default=20000, help="documents of the demo; 0: all")
    arguments.add_argument("--only", choices=["recall", "time"])
    given = arguments.parse_args()
    name, threads = model_speed.processor()
    print(f"## Answers from an index\n\n{datetime.date.today()}, {name}, {threads} threads, f32; written by "
          "tests/bench/index_answers.py.\n")
    if given.only != "time":
        recall(given.program, given.traces, given.sample)
    if given.only != "recall":
        time(given.program, given.documents)


if __name__ == "__main__":
    main()
