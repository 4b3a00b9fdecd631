#!/usr/bin/env python3
"""Converts the families beside this folder to GGUF with llama.cpp's own converter, bf16, without their tokenizers.

convert_families.py LLAMA_CPP   the folder of a llama.cpp checkout; needs torch and transformers from PyPI
"""
import importlib.metadata
import json
import pathlib
import sys

here = pathlib.Path(__file__).parent
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/gguf-py"]
import gguf  # noqa: E402
from conversion import ModelBase, get_model_class  # noqa: E402

made_with = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("torch", "transformers"))


def convert(folder):
    config = json.loads((folder / "config.json").read_text())
    kind = get_model_class(config["architectures"][0])
    kind.set_vocab = lambda self: None
    out = here / "families" / f"{folder.name}.gguf"
    out.parent.mkdir(exist_ok=True)
    values = ModelBase.load_hparams(folder, False)
    for key in ("rotary_pct", "n_ctx"):  # which today's transformers drops from what it reads
        if key in config:
            values.setdefault(key, config[key])
    model = kind(folder, gguf.LlamaFileType.MOSTLY_BF16, out, eager=True, hparams=values)
    model.gguf_writer.add_description(made_with)
    model.write()


for folder in sorted(here.parent.iterdir()):
    if (folder / "expected.safetensors").exists():
        try:
            convert(folder)
            print(folder.name)
        except Exception as failure:
            print(f"{folder.name}: {type(failure).__name__}: {failure}", file=sys.stderr)
