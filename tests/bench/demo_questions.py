"""What the comparisons of influence ask: documents of the demo's corpus, and steps of traces that its model wrote."""
import json
import os
import pathlib
import subprocess
import time

import h5py
import torch

demo = pathlib.Path(__file__).parents[2] / "resources/demo"
longest, wanted, threads = 128, 100, len(os.sched_getaffinity(0))


def seconds_of(work):
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def stemma(program, *arguments):
    """What it says as JSON, where it is asked for that."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run([program, *map(str, arguments)], check=True, env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL)
    return json.loads(done.stdout) if "--json" in arguments else None


def choose_documents(folder, tokenizer, count):
    """A file of documents spread over the corpus, and their tokens as training and attribution see them."""
    text = subprocess.run(["zstd", "-dc", demo / "corpus.jsonl.zst"], check=True, capture_output=True).stdout
    lines = text.decode().splitlines()
    kept, tokens = [], []
    for line in lines[::max(1, len(lines) // (2 * count))]:
        ids = [0] + tokenizer.encode(json.loads(line)["text"], add_special_tokens=False).ids + [0]
        if len(ids) <= longest and len(kept) < count:
            kept.append(line)
            tokens.append(ids)
    (folder / "documents.jsonl").write_text("\n".join(kept) + "\n")
    return tokens


def generate(program, folder):
    """Traces of as few prompts as have the wanted steps."""
    prompts = (demo / "evaluation.jsonl").read_text().splitlines()
    session, count = folder / "s.h5", wanted // 3
    while True:
        session.unlink(missing_ok=True)
        (folder / "prompts.jsonl").write_text("\n".join(prompts[::len(prompts) // wanted][:count]) + "\n")
        stemma(program, "generate", "--model", demo / "model", "--prompts", folder / "prompts.jsonl", "--out", session)
        with h5py.File(session) as file:
            steps, fewest = 0, 0
            for trace in file["traces"].values():
                steps += sum(kind != b"prompt" for kind in trace["steps/kind"][:])
                fewest += 1
                if steps >= wanted:
                    break
        if steps >= wanted and fewest == count:
            return session
        count = fewest if steps >= wanted else 2 * count


def queries_of(session):
    """Steps in the order of the traces: their tokens and span, the row of their scores and its nats."""
    spans, scores, nats = [], [], []
    with h5py.File(session) as file:
        for trace in file["traces"].values():
            table, tokens = trace["influence/ekfac"], trace["tokens"][:].tolist()
            for row, step in enumerate(table["step"][:]):
                spans.append((tokens, int(trace["steps/begin"][step]), int(trace["steps/end"][step])))
                scores.append(torch.from_numpy(table["scores"][row]))
                nats.append(float(table["nats"][row]))
    return spans[:wanted], torch.stack(scores[:wanted]), nats[:wanted]


def pearson(a, b):
    return [float(torch.corrcoef(torch.stack([x.double(), y.double()]))[0, 1]) for x, y in zip(a, b)]


def mean(values):
    return sum(values) / len(values)
