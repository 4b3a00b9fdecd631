#!/usr/bin/env python3
"""The same influence from kronfluence and from Stemma: time of fit and pairwise scores, and their correlation.

    pip install torch transformers kronfluence h5py     (not needed by anything else)
    tests/bench/kronfluence_compare.py build/release/bin/stemma [DOCUMENTS] >> tests/bench/RESULTS.md

The demo's model, DOCUMENTS of its corpus, 100 steps of traces as queries; EK-FAC of all linear layers of the blocks,
f32, sampled labels, damping 0.1 of the mean eigenvalue, the same number of threads. Both fit with fresh labels in a
second pass and score every document with every query; what else each time includes is printed with it. Of each the
least of some runs is taken: the first touches memory that the machine may have to find. Beside both stands the least
time of that work: its products, counted from shapes, at the rate of products measured in the same run.
"""
import contextlib
import datetime
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import h5py
import torch
from kronfluence import Analyzer, FactorArguments, ScoreArguments, Task, prepare_model
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM

from demo_questions import (choose_documents, demo, generate, mean, pearson, queries_of, seconds_of, stemma, threads,
                            wanted)

runs = 3
modules = {"attn.q": "self_attn.q_proj", "attn.k": "self_attn.k_proj", "attn.v": "self_attn.v_proj",
           "attn.o": "self_attn.o_proj", "mlp.gate": "mlp.gate_proj", "mlp.up": "mlp.up_proj",
           "mlp.down": "mlp.down_proj"}


class Spans(Task):
    """log p of the labelled tokens; kronfluence differentiates losses, so the signs of both sides agree."""

    def __init__(self, names):
        self.names = names

    def loss(self, batch, model, sample):
        out = model(input_ids=batch["ids"], attention_mask=batch["mask"], use_cache=False).logits
        out, labels = out.flatten(0, 1), batch["labels"].flatten()
        if sample:
            with torch.no_grad():
                drawn = torch.multinomial(out.softmax(-1), 1).flatten()
            labels = torch.where(labels < 0, labels, drawn)
        return cross_entropy(out, labels, ignore_index=-100, reduction="sum")

    def compute_train_loss(self, batch, model, sample=False):
        return self.loss(batch, model, sample)

    def compute_measurement(self, batch, model):
        return self.loss(batch, model, False)

    def get_influence_tracked_modules(self):
        return self.names

    def get_attention_mask(self, batch):
        return batch["mask"]


class Rows(torch.utils.data.Dataset):
    """Tokens and the span [begin, end) of them that is predicted."""

    def __init__(self, spans):
        self.rows = [{"ids": tokens[:end - 1], "labels": [t if i + 1 >= begin else -100
                                                          for i, t in enumerate(tokens[1:end])]}
                     for tokens, begin, end in spans]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        return self.rows[i]


def together(rows):
    width = max(len(row["ids"]) for row in rows)
    pad = lambda values, filler: values + [filler] * (width - len(values))
    return {"ids": torch.tensor([pad(row["ids"], 0) for row in rows]),
            "labels": torch.tensor([pad(row["labels"], -100) for row in rows]),
            "mask": torch.tensor([pad([1] * len(row["ids"]), 0) for row in rows])}


def least_of_runs(work):
    """The least of the seconds that `work`, given the run's number, takes, and what it gave then."""
    return min((seconds_of(lambda: work(run)) for run in range(runs)), key=lambda timed: timed[0])


def product_rate(program):
    """FLOP/s of f32 products, as `stemma bench` measures it."""
    done = subprocess.run([program, "bench", "attribute", "--documents", "8", "--queries", "1", "--repeat", "1",
                           "--device", "cpu", "--json"], check=True, capture_output=True,
                          env={**os.environ, "OMP_NUM_THREADS": str(threads)})
    return 1e9 * json.loads(done.stdout)["matmul_gflops"]


def operations(documents, spans):
    """FLOP of the products of a fit and of pairwise scores that no order of the same sums avoids.

    A fit: two passes, forward and back to each layer; half of each covariance, which is symmetric; tokens turned into
    the eigenbases and their products. Scores: one pass over the documents, one over the queries; gradients of both;
    queries turned into the eigenbases, as tokens, and back; each document with each query. Eigendecompositions, attention
    and whatever is no product are left out.
    """
    c = json.loads((demo / "model/config.json").read_text())
    width, mlp = c["hidden_size"], c["intermediate_size"]
    linears = 4 * [(width, width)] + 2 * [(width, mlp)] + [(mlp, width)]
    sides = 3 * [width] + [mlp] + [p for _, p in linears]  # inputs that are read by several count once
    tracked = c["num_hidden_layers"] * sum(m * p for m, p in linears)
    squares = c["num_hidden_layers"] * sum(side * side for side in sides)
    back = c["num_hidden_layers"] * sum(2 * m * p * (m + p) for m, p in linears)
    passed = tracked + c["vocab_size"] * width
    tokens, asked = sum(map(len, documents)) - len(documents), sum(end - 1 for _, _, end in spans)
    fit = tokens * (2 * 4 * passed + squares + 2 * squares + 2 * tracked)
    pairwise = (tokens + asked) * (4 * passed + 2 * tracked) + asked * 2 * squares + len(spans) * (
        back + 2 * tracked * len(documents))
    return fit, pairwise


def give_factors(file, folder):
    """Stemma's eigenbases and eigenvalues where kronfluence looks for its own."""
    parts = {name: {} for name in ("activation_eigenvectors", "gradient_eigenvectors", "activation_eigenvalues",
                                   "gradient_eigenvalues", "lambda_matrix", "num_lambda_processed")}
    with h5py.File(file) as factors:
        for name, layer in factors["layers"].items():
            _, block, linear = name.split(".", 2)
            module = f"model.layers.{block}.{modules[linear]}"
            q_a, q_s, eigenvalues = (torch.from_numpy(layer[part][:]) for part in ("q_a", "q_s", "lambda"))
            parts["activation_eigenvectors"][module] = q_a.T.contiguous()
            parts["gradient_eigenvectors"][module] = q_s.T.contiguous()
            parts["activation_eigenvalues"][module] = torch.ones(len(q_a))  # EK-FAC does not read them
            parts["gradient_eigenvalues"][module] = torch.ones(len(q_s))
            count = int(factors.attrs["documents"])
            parts["lambda_matrix"][module] = eigenvalues * count
            parts["num_lambda_processed"][module] = torch.tensor([count])
    for name, tensors in parts.items():
        save_file(tensors, folder / f"{name}.safetensors")


def compare(program, count, folder):
    tokenizer = Tokenizer.from_file(str(demo / "model/tokenizer.json"))
    documents = choose_documents(folder, tokenizer, count)
    session, factors, corpus = generate(program, folder), folder / "f.h5", folder / "documents.jsonl"

    def fit_factors(_):
        factors.unlink(missing_ok=True)
        return stemma(program, "fit", "--model", demo / "model", "--corpus", corpus, "--all", "--out", factors, "--json")

    def attribute(name, top):
        for run in range(runs):
            for part in (".h5", ".activations.h5"):
                shutil.copy(session.with_suffix(part), folder / f"{name}{run}{part}")
        return least_of_runs(lambda run: stemma(
            program, "attribute", folder / f"{name}{run}.h5", "--corpus", corpus, "--all", "--factors", factors,
            "--model", demo / "model", "--top", top, "--json"))

    ours_fit, fit = least_of_runs(fit_factors)
    ours_shown, _ = attribute("shown", 1)
    ours_scan, scan = attribute("scores", 0)
    spans, ours, nats = queries_of(folder / "scores0.h5")
    rate = product_rate(program)
    with h5py.File(session) as file:
        traces = len(file["traces"])
    ours *= len(documents)  # kronfluence's scores are not divided by the number of documents

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(demo / "model", torch_dtype=torch.float32, attn_implementation="eager")
    names = [f"model.layers.{block}.{module}" for block in range(model.config.num_hidden_layers)
             for module in modules.values()]
    task = Spans(names)
    model = prepare_model(model, task)
    order = sorted(range(len(documents)), key=lambda i: len(documents[i]))
    train = Rows([(documents[i], 1, len(documents[i])) for i in order])
    analyzer = Analyzer(analysis_name="compare", model=model, task=task, cpu=True, disable_tqdm=True, log_level=40,
                        output_dir=str(folder / "kronfluence"))
    from kronfluence.utils.dataset import DataLoaderKwargs
    analyzer.set_dataloader_kwargs(DataLoaderKwargs(collate_fn=together))
    theirs_fit, _ = least_of_runs(lambda _: analyzer.fit_all_factors(
        factors_name="own", dataset=train, per_device_batch_size=32, factor_args=FactorArguments(strategy="ekfac"),
        overwrite_output_dir=True))

    def scores(name):
        seconds, _ = least_of_runs(lambda _: analyzer.compute_pairwise_scores(
            scores_name=name, factors_name=name, query_dataset=Rows(spans), train_dataset=train,
            per_device_query_batch_size=wanted, per_device_train_batch_size=32,
            score_args=ScoreArguments(damping_factor=None), overwrite_output_dir=True))
        found = analyzer.load_pairwise_scores(name)["all_modules"]
        back = torch.empty_like(found)
        back[:, order] = found
        return seconds, back

    theirs_scan, own = scores("own")
    given = analyzer.factors_output_dir("given")
    given.mkdir(parents=True)
    give_factors(factors, given)
    (given / "factor_arguments.json").write_text((analyzer.factors_output_dir("own") / "factor_arguments.json")
                                                 .read_text())
    _, same = scores("given")
    return {"documents": len(documents), "tokens": sum(map(len, documents)) - len(documents),
            "queries": len(spans), "traces": traces, "threads": threads, "stemma": [ours_fit, ours_scan], "shown": ours_shown,
            "work": [fit["seconds"], scan["tables"][-1]["seconds"]],
            "kronfluence": [theirs_fit, theirs_scan], "rate": rate,
            "least": [work / rate for work in operations(documents, spans)],
            "sure": [n < 0.1 for n in nats], "same_factors": pearson(ours, same), "own_factors": pearson(ours, own),
            "largest_difference": float((ours - same).abs().max() / same.abs().max())}


def main():
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 500
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        r = compare(sys.argv[1], count, pathlib.Path(folder))
    theirs = sum(r["kronfluence"])
    print(f"## Beside kronfluence\n\n{datetime.date.today()}: the demo's model, {r['documents']} documents of "
          f"{r['tokens']:,} tokens, {r['queries']} queries, f32, {r['threads']} threads.\n")
    print("kronfluence's times are of its calls, model and documents being there: all queries in one pass, documents "
          "sorted by length. Stemma's are of whole commands, which start, read model, corpus and factors, and write "
          "files; and of their work, as they say it themselves, the corpus read but the model being there. Each is the "
          f"least of {runs} runs.\n")
    least = sum(r["least"])
    print("| | fit, s | pairwise, s | together |\n| --- | ---: | ---: | ---: |")
    print(f"| kronfluence | {r['kronfluence'][0]:.1f} | {r['kronfluence'][1]:.1f} | {theirs:.1f} |")
    for name, seconds in (("Stemma, whole commands", r["stemma"]), ("of that its work", r["work"])):
        print(f"| {name} | {seconds[0]:.2f} | {seconds[1]:.2f} | {sum(seconds):.2f} "
              f"({theirs / sum(seconds):.1f} times as fast) |")
    print(f"| the products alone at {r['rate'] / 1e9:.0f} GFLOP/s | {r['least'][0]:.1f} | {r['least'][1]:.1f} | "
          f"{least:.1f} ({theirs / least:.1f} times as fast) |\n")
    print("The last row is what f32 leaves room for: forward and backward, half of each covariance, rotations, documents' "
          "and queries' gradients and their products, nothing else.\n")
    print(f"With the documents that a table shows (`--top 1`: the {r['traces']} traces' strongest split into tokens, as "
          "read and as predicted, and layers, and held against each whole completion), which kronfluence has no call "
          f"for, pairwise takes {r['shown']:.1f} s.\n")
    for name, what in (("same_factors", "with Stemma's factors given to both"),
                       ("own_factors", "each with its own factors, of its own sampled labels")):
        unsure = [value for value, sure in zip(r[name], r["sure"]) if not sure]
        print(f"Pearson's r of a query's scores over all documents, {what}: mean {mean(r[name]):.5f}; of the "
              f"{len(unsure)} queries of at least 0.1 nats mean {mean(unsure):.5f}, least {min(unsure):.5f}.")
    print(f"Largest difference with the same factors: {r['largest_difference']:.1e} of the largest score.\n")


if __name__ == "__main__":
    main()
