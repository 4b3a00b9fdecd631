"""Reads a session with h5py alone and holds it against the design: names, shapes, kinds, links. Argument: S.h5."""
import sys

try:
    import h5py
    import numpy as np
except ImportError as missing:
    print(f"h5py is not installed ({missing}); install python3-h5py to run this check")
    sys.exit(77)


def kind(dataset):
    return "text" if h5py.check_string_dtype(dataset.dtype) else dataset.dtype.str[1:]


def has(group, name, shape, dtype):
    assert name in group, f"{group.name}/{name} is missing"
    dataset = group[name]
    assert dataset.shape == shape, f"{dataset.name} has shape {dataset.shape}, not {shape}"
    assert kind(dataset) == dtype, f"{dataset.name} holds {dataset.dtype}, not {dtype}"
    return dataset


def attributes(group, **kinds):
    for name, expected in kinds.items():
        value = group.attrs[name]
        assert isinstance(value, expected), f"{group.name} attribute {name} is {value!r}"


def check_trace(trace):
    text, whole, flag = str, np.integer, np.bool_
    attributes(trace, title=text, model=text, system=text, prompt=text, seed=whole, sampler=text, stop_reason=text,
               completed=flag, created=text, device=text, prompt_tokens=whole)
    tokens = trace["tokens"].shape[0]
    alternatives = trace["top_ids"].shape[1]
    has(trace, "tokens", (tokens,), "i4")
    has(trace, "text", (), "text")
    offsets = has(trace, "token_offsets", (tokens + 1,), "u4")[:]
    has(trace, "logprob", (tokens,), "f4")
    has(trace, "entropy", (tokens,), "f4")
    has(trace, "top_ids", (tokens, alternatives), "i4")
    has(trace, "top_logprobs", (tokens, alternatives), "f4")
    has(trace, "top_texts", (tokens, alternatives), "text")
    assert trace["text"].asstr()[()].encode() == trace["text"][()]
    assert offsets[0] == 0 and offsets[-1] == len(trace["text"][()])

    steps = trace["steps"]
    count = steps["begin"].shape[0]
    begin = has(steps, "begin", (count,), "i4")[:]
    end = has(steps, "end", (count,), "i4")[:]
    assert begin[0] == 0 and end[-1] == tokens and (begin[1:] == end[:-1]).all(), "steps do not partition the tokens"
    assert set(has(steps, "kind", (count,), "text").asstr()[:]) <= {"prompt", "thought", "answer"}
    has(steps, "label", (count,), "text")
    has(steps, "labelled_by", (count,), "text")
    return tokens


def check_influence(session, method):
    steps, documents = method["scores"].shape
    spans = "span_begin" in method.attrs
    if spans:
        attributes(method, span_begin=np.integer, span_end=np.integer, against=str)
        assert method.attrs["span_begin"] < method.attrs["span_end"]
    top = method["top"].shape[1]
    scores = has(method, "scores", (steps, documents), "f4")[:]
    nats = has(method, "nats", (steps,), "f4")[:]
    per_nat = has(method, "per_nat", (steps, documents), "f4")[:]
    has(method, "step", (steps,), "i4")
    has(method, "top", (steps, top), "i4")
    has(method, "bottom", (steps, top), "i4")
    ids = has(method, "document_ids", (documents,), "text").asstr()[:]
    has(method, "document_sources", (documents,), "text")
    measured = nats > 0
    assert np.allclose(per_nat[measured] * nats[measured, None], scores[measured], rtol=1e-5)
    assert np.isnan(per_nat[~measured]).all()
    corpus = session["corpora"][method.attrs["corpus"]]
    assert corpus.attrs["documents"] >= documents
    for index, shown in method["documents"].items():
        name = shown.attrs["id"]
        assert ids[int(index)] == name
        text = corpus["documents"][name.replace("%", "%25").replace("/", "%2F")]
        attributes(text, text=str, source=str, name=str)
        offsets = text["token_offsets"][:]
        has(shown, "token_scores", (steps, len(offsets) - 1), "f4")
        if "output_scores" in shown:
            has(shown, "output_scores", (steps, len(offsets) - 1), "f4")
        has(shown, "layer_scores", (steps, method.attrs["layers"]), "f4")
        assert offsets[-1] <= len(text.attrs["text"].encode())
    return spans


def check_activations(trace, tokens):
    assert trace["activations"].attrs["source"] == "recorded"
    if "check_nats" in trace["activations"].attrs:
        attributes(trace["activations"], check_tokens=np.integer, check_nats=np.floating, check_top1=np.floating)
        assert 0 < trace["activations"].attrs["check_tokens"] < tokens
        assert 0 <= trace["activations"].attrs["check_top1"] <= 1
    for site in trace["activations"]:
        link = trace["activations"].get(site, getlink=True)
        assert isinstance(link, h5py.ExternalLink) and "/" not in link.filename, link
        recorded = trace["activations"][site]
        assert recorded.dtype == np.float16 and recorded.ndim == 2 and 0 < recorded.shape[0] <= tokens, recorded
        assert np.isfinite(recorded[:]).all()
        assert "hook_" in site, site


def check_attention(trace):
    assert trace["attention"].attrs["source"] == "recomputed"
    means = trace["attention"]["steps"]
    steps = trace["steps"]["begin"].shape[0]
    assert means.dtype == np.float16 and means.ndim == 4 and means.shape[2:] == (steps, steps), means
    assert np.allclose(means[:].astype(float).sum(-1), 1, atol=0.01)
    if "mean" in trace["attention"]:  # not in sessions of earlier versions
        mean = trace["attention"]["mean"]
        assert mean.dtype == np.float32 and np.allclose(mean[:], means[:].astype(float).mean(1), atol=1e-6), mean


def main(path):
    with h5py.File(path, "r") as session:
        assert session.attrs["format"] == "stemma-session" and session.attrs["version"] == 1
        attributes(session, created=str, program=str)
        for model in session["models"].values():
            attributes(model, name=str, architecture=str, path=str, layers=np.integer, width=np.integer, heads=np.integer,
                       dtype=str, tokenizer=str)
        tables = spans = sites = 0
        for trace in session["traces"].values():
            tokens = check_trace(trace)
            for method in trace.get("influence", {}).values():
                spans += check_influence(session, method)
                tables += 1
            if "attention" in trace:
                check_attention(trace)
            if "activations" in trace:
                check_activations(trace, tokens)
                sites += len(trace["activations"])
        print(f"{len(session['traces'])} traces, {tables} tables, {spans} of a span, {sites} sites")


if __name__ == "__main__":
    main(sys.argv[1])
