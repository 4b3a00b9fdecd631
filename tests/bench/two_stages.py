#!/usr/bin/env python3
"""What the first of two stages misses, in f32 and in bf16, of the demo's evaluation; prints a section of RESULTS.md.

    tests/bench/two_stages.py build/release/bin/stemma [--traces 32] [--sample 3000] [--rank 32] [--rescore 1000]
        >> tests/bench/RESULTS.md
"""
import argparse
import datetime
import pathlib
import shutil
import tempfile

import model_speed
from attribution_speed import output

demo = pathlib.Path(__file__).parents[2] / "resources/demo"


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("program")
    arguments.add_argument("--traces", type=int, default=32)
    arguments.add_argument("--sample", type=int, default=3000, help="documents of the demo")
    arguments.add_argument("--rank", type=int, default=32)
    arguments.add_argument("--rescore", type=int, default=1000)
    given = arguments.parse_args()
    name, threads = model_speed.processor()
    corpus = ["--corpus", demo / "corpus.jsonl.zst", "--sample", given.sample]
    print(f"## Two stages\n\n{datetime.date.today()}, {name}, {threads} threads; written by tests/bench/two_stages.py.\n")
    print(f"{given.traces} traces of the demo's evaluation, {given.sample:,} documents, rank {given.rank}, the strongest "
          f"{given.rescore:,} on either side of each question scored again in f32 at full rank; recall@100 of the first stage.\n")
    print("| first stage in | recall, mean of steps | of traces, worst | scored again, mean | took, s |\n"
          "| --- | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        prompts = (demo / "evaluation.jsonl").read_text().splitlines()
        every = max(1, len(prompts) // given.traces)
        (folder / "prompts.jsonl").write_text("\n".join(prompts[::every][:given.traces]) + "\n")
        output(given.program, "generate", "--model", demo / "model", "--prompts", folder / "prompts.jsonl", "--out",
               folder / "asked.h5")
        for precision in ("f32", "bf16"):
            session = folder / f"{precision}.h5"
            shutil.copy(folder / "asked.h5", session)
            tables = output(given.program, "attribute", session, "--model", demo / "model", *corpus, "--rank",
                            given.rank, "--rescore", given.rescore, "--precision", precision)["tables"]
            stages = [table["first_stage"] for table in tables]
            steps = sum(table["steps"] for table in tables)
            recall = sum(s["recall_at_100"] * t["steps"] for s, t in zip(stages, tables)) / steps
            print(f"| {precision} | {recall:.3f} | {min(s['recall_at_100'] for s in stages):.3f} | "
                  f"{sum(s['rescored'] for s in stages) / len(stages):,.0f} | {tables[0]['seconds']:.1f} |", flush=True)
    print()


if __name__ == "__main__":
    main()
