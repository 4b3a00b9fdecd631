#!/usr/bin/env python3
"""Runs `stemma bench attribute`, and `plan` beside the real work on the demo; prints a section of RESULTS.md.

    tests/bench/attribution_speed.py build/release/bin/stemma [demo|10m|124m|plan ...] >> tests/bench/RESULTS.md
"""
import datetime
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import model_speed

demo = pathlib.Path(__file__).parents[2] / "resources/demo"
heavy = {"124m": ["--documents", "8", "--repeat", "1"],
         "10m": ["--documents", "16", "--repeat", "2", "--eigenbases"],
         "demo": ["--documents", "1000", "--repeat", "2", "--eigenbases"]}


def table(program, shape):
    found = model_speed.run(program, "attribute", "--shape", shape, "--plan", *heavy[shape])
    if isinstance(found, str):
        return print(found + "\n")
    took = found["eigenbases_seconds"]
    eigenbases = f"took {took:.1f} s, planned " if took else "not made, planned "
    print(f"{shape}: {found['parameters'] / 1e6:.1f}M parameters, {found['tracked'] / 1e6:.2f}M tracked; "
          f"{found['documents']:,} documents, {found['tokens']:,} tokens; products at {found['matmul_gflops']:.0f} "
          f"GFLOP/s, in bf16 {found['matmul_bf16_gflops']:.0f}; eigenbases {eigenbases}"
          f"{found['planned_eigenbases_seconds']:.1f} s, not in the fit's rate.\n")
    print("| | tokens/s | of the floor | of the floor in f32 | of its products | took, s | planned, s | |\n"
          "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for row in found["runs"]:
        planned = row["planned_seconds"]
        foretold = f"{planned:.2f} | {planned / row['seconds'] - 1:+.0%}" if planned else " | "
        print(f"| {row['work']} | {row['tokens_per_second']:,.0f} | {row['share_of_floor']:.0%} | "
              f"{row['share_of_f32_floor']:.0%} | {row['share_of_products']:.0%} | {row['seconds']:.2f} | {foretold} |")
    print()


def output(program, *arguments):
    return json.loads(subprocess.run([program, *map(str, arguments), "--json"], check=True, capture_output=True,
                                     text=True).stdout)


def plan(program, documents=2000):
    """What `plan` says a fit and a scan will take, and what they took."""
    corpus = ["--corpus", demo / "corpus.jsonl.zst", "--sample", documents]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        shutil.copy(demo / "prompts.jsonl", folder)
        output(program, "generate", "--model", demo / "model", "--prompts", folder / "prompts.jsonl", "--out",
               folder / "s.h5")
        steps = output(program, "attribute", folder / "s.h5", "--model", demo / "model", *corpus, "--dry-run")
        queries = steps["steps"] + steps["traces"]
        planned = {row["stage"]: row["seconds"] for row in output(program, "plan", "--model", demo / "model", *corpus,
                                                                  "--queries", queries)["stages"]}
        fitted = output(program, "fit", "--model", demo / "model", *corpus, "--out", folder / "f.h5")["seconds"]
        scanned = output(program, "attribute", folder / "s.h5", "--model", demo / "model", *corpus, "--factors",
                         folder / "f.h5", "--top", 1)["tables"][0]["seconds"]
    fit, scan = (sum(seconds for stage, seconds in planned.items() if stage.startswith("fit") == fits)
                 for fits in (True, False))
    print(f"`stemma plan` before, and the work after: the demo's model, {documents:,} documents, {queries} queries.\n")
    print("| | planned, s | took, s | |\n| --- | ---: | ---: | ---: |")
    for name, before, after in (("fit", fit, fitted), ("query gradients and scan", scan, scanned)):
        print(f"| {name} | {before:.1f} | {after:.1f} | {before / after - 1:+.0%} |")
    print()


def main():
    program, wanted = sys.argv[1], sys.argv[2:] or ["demo", "10m", "124m", "plan"]
    name, threads = model_speed.processor()
    print(f"## Attribution\n\n{datetime.date.today()}, {name}, {threads} threads, f32.\n")
    print("The floor is forward and activation backward through the blocks' linear layers and the unembedding, and each "
          "document's product with each query. It leaves out the documents' gradients and, in a fit, covariances and "
          "rotations: the last column counts them, and is what the program reaches of the measured rate of products.\n")
    for name in wanted:
        if name == "plan":
            plan(program)
        else:
            table(program, name)


if __name__ == "__main__":
    main()
