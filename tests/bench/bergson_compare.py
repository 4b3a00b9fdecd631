#!/usr/bin/env python3
"""The same influence from bergson and from Stemma: time of fit and scores together, and their correlation.

    pip install bergson graphviz h5py     (not needed by anything else)
    tests/bench/bergson_compare.py build/release/bin/stemma [DOCUMENTS] >> tests/bench/RESULTS.md

The demo's model, DOCUMENTS of its corpus, 100 steps of traces as queries; EK-FAC of all linear layers of the blocks,
f32, sampled labels, damping 0.1 of the mean eigenvalue, the same number of threads.
"""
import datetime
import json
import os
import pathlib
import sys
import tempfile

import numpy
import torch
from bergson.config.config import (DataConfig, DistributedConfig, HessianConfig, HessianPipelineConfig, IndexConfig,
                                   InversionConfig, PreprocessConfig, QuerySetConfig, ScoreConfig)
from bergson.data import load_scores
from bergson.hessians.pipeline import hessian_pipeline
from tokenizers import Tokenizer

from demo_questions import (choose_documents, demo, generate, mean, pearson, queries_of, seconds_of, stemma, threads,
                            wanted)


def write_rows(file, rows):
    """Tokens, and which of them are predicted: -100 where not."""
    file.write_text("".join(json.dumps({"input_ids": tokens[:end],
                                        "labels": [-100] * begin + tokens[begin:end]}) + "\n"
                            for tokens, begin, end in rows))
    return str(file)


def theirs(folder, documents, spans):
    context = json.loads((demo / "model/config.json").read_text())["max_position_embeddings"]
    index = IndexConfig(
        run_path=str(folder / "bergson"), model=str(demo / "model"), precision="fp32", projection_dim=0,
        loss_reduction="sum", token_batch_size=context, distributed=DistributedConfig(nproc_per_node=1),
        data=DataConfig(dataset=write_rows(folder / "train.jsonl", [(d, 0, len(d)) for d in documents])))
    queries = QuerySetConfig(dataset=write_rows(folder / "queries.jsonl", spans), aggregation="none")
    seconds, _ = seconds_of(lambda: hessian_pipeline(
        index, HessianConfig(method="kfac", ev_correction=True), ScoreConfig(score="individual", precision="fp32"),
        PreprocessConfig(),
        HessianPipelineConfig(query=queries, inversion_cfg=InversionConfig(apply_batch_size=wanted))))
    found = load_scores(folder / "bergson/scores")
    return seconds, torch.from_numpy(numpy.array(found[:], dtype=numpy.float32)).T


def compare(program, count, folder):
    documents = choose_documents(folder, Tokenizer.from_file(str(demo / "model/tokenizer.json")), count)
    session, factors, corpus = generate(program, folder), folder / "f.h5", folder / "documents.jsonl"
    fit, _ = seconds_of(lambda: stemma(program, "fit", "--model", demo / "model", "--corpus", corpus, "--all", "--out",
                                       factors))
    scan, _ = seconds_of(lambda: stemma(program, "attribute", session, "--corpus", corpus, "--all", "--factors",
                                        factors, "--model", demo / "model", "--top", 0))
    spans, ours, nats = queries_of(session)
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    seconds, scores = theirs(folder, documents, spans)
    return fit + scan, seconds, pearson(ours, scores), nats, sum(map(len, documents)) - len(documents)


def main():
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 500
    printed = os.dup(1)  # bergson writes its log there
    os.dup2(2, 1)
    with tempfile.TemporaryDirectory() as folder:
        ours, seconds, r, nats, tokens = compare(sys.argv[1], count, pathlib.Path(folder))
    sys.stdout.flush()
    os.dup2(printed, 1)
    unsure = [value for value, n in zip(r, nats) if n >= 0.1]
    print(f"## Beside bergson\n\n{datetime.date.today()}: the demo's model, {count} documents of {tokens:,} tokens, "
          f"{len(r)} queries, f32, {threads} threads; the queries' gradients, the fit and the scores together.\n")
    print(f"bergson's pipeline `ekfac` takes {seconds:.1f} s, called with all of it loaded; Stemma's `fit` and `attribute` "
          f"{ours:.1f} s as whole processes: {seconds / ours:.1f} times as fast. Pearson's r of a query's scores over all "
          f"documents, each with its own factors, of its own sampled labels: mean {mean(r):.5f}; of the {len(unsure)} "
          f"queries of at least 0.1 nats mean {mean(unsure):.5f}, least {min(unsure):.5f}.\n")


if __name__ == "__main__":
    main()
