#!/usr/bin/env python3
"""Writes what tests/runtime/model/files/gguf_model_test.cpp compares: needs numpy, gguf and safetensors from PyPI.

blocks.gguf  every block format over random blocks, beside the floats that the package gguf decodes them to
llama/       one tiny random llama twice: as a Hugging Face folder, and as model.gguf with a different type for every
             tensor, whose decoded numbers the folder holds
"""
import importlib.metadata
import json
import pathlib

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type
from safetensors.numpy import save_file

here = pathlib.Path(__file__).parent
random = np.random.default_rng(7)
made_with = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("gguf", "numpy", "safetensors"))


def blocks():
    writer = gguf.GGUFWriter(here / "blocks.gguf", "blocks")
    writer.add_description(made_with)
    # Where the half-precision scales of a block stand.
    formats = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82], "Q3_K": [108],
               "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}
    for name, scales in formats.items():
        elements, size = gguf.GGML_QUANT_SIZES[Type[name]]
        rows = random.integers(0, 256, (3, size), dtype=np.uint8)
        for at in scales:
            rows[:, at:at + 2] = random.normal(0, 0.1, 3).astype(np.float16).view(np.uint8).reshape(3, 2)
        writer.add_tensor(name, rows, raw_dtype=Type[name])
        writer.add_tensor(f"{name}.floats", gguf.dequantize(rows, Type[name]).astype(np.float32))
    for name, kind in {"F16": Type.F16, "BF16": Type.BF16}.items():
        rows = gguf.quantize(random.normal(0, 1, (3, 32)).astype(np.float32), kind)
        writer.add_tensor(name, rows.view(np.uint8), raw_dtype=kind)
        writer.add_tensor(f"{name}.floats", gguf.dequantize(rows.view(np.uint8), kind).astype(np.float32))
    finish(writer)


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


layers, width, heads, key_value_heads, head_width, mlp_width, vocabulary, context = 2, 32, 4, 2, 8, 64, 32, 64


def turned_in_pairs(rows, heads):
    """The order in which llama's queries and keys lie in a GGUF file."""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(rows.shape)


def back_from_pairs(rows, heads):
    return rows.reshape(heads, rows.shape[0] // heads // 2, 2, -1).swapaxes(1, 2).reshape(rows.shape)


def llama():
    folder = here / "llama"
    folder.mkdir(exist_ok=True)
    writer = gguf.GGUFWriter(folder / "model.gguf", "llama")
    writer.add_description(made_with)
    writer.add_block_count(layers)
    writer.add_context_length(context)
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(mlp_width)
    writer.add_head_count(heads)
    writer.add_head_count_kv(key_value_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(head_width)
    stored = {}

    def add(theirs, ours, rows, columns, kind, turned=0):
        values = random.normal(0, 0.1, (rows, columns)).astype(np.float32)
        if turned:
            values = turned_in_pairs(values, turned)
        packed = gguf.quantize(values, kind)
        writer.add_tensor(theirs, packed, raw_dtype=kind)
        decoded = gguf.dequantize(packed, kind).astype(np.float32)
        stored[ours] = back_from_pairs(decoded, turned) if turned else decoded

    def add_norm(theirs, ours):
        stored[ours] = (1 + random.normal(0, 0.1, width)).astype(np.float32)
        writer.add_tensor(theirs, stored[ours])

    add("token_embd.weight", "model.embed_tokens.weight", vocabulary, width, Type.F16)
    kinds = [[Type.BF16, Type.Q8_0, Type.Q4_0, Type.F32, Type.Q5_0, Type.Q4_1, Type.Q5_1],
             [Type.Q8_0, Type.F16, Type.Q5_1, Type.Q8_0, Type.Q8_0, Type.Q4_0, Type.BF16]]
    queries, keys = heads * head_width, key_value_heads * head_width
    for layer in range(layers):
        block, name = f"blk.{layer}", f"model.layers.{layer}"
        kind = iter(kinds[layer])
        add_norm(f"{block}.attn_norm.weight", f"{name}.input_layernorm.weight")
        add(f"{block}.attn_q.weight", f"{name}.self_attn.q_proj.weight", queries, width, next(kind), heads)
        add(f"{block}.attn_k.weight", f"{name}.self_attn.k_proj.weight", keys, width, next(kind), key_value_heads)
        add(f"{block}.attn_v.weight", f"{name}.self_attn.v_proj.weight", keys, width, next(kind))
        add(f"{block}.attn_output.weight", f"{name}.self_attn.o_proj.weight", width, queries, next(kind))
        add_norm(f"{block}.ffn_norm.weight", f"{name}.post_attention_layernorm.weight")
        add(f"{block}.ffn_gate.weight", f"{name}.mlp.gate_proj.weight", mlp_width, width, next(kind))
        add(f"{block}.ffn_up.weight", f"{name}.mlp.up_proj.weight", mlp_width, width, next(kind))
        add(f"{block}.ffn_down.weight", f"{name}.mlp.down_proj.weight", width, mlp_width, next(kind))
    add_norm("output_norm.weight", "model.norm.weight")
    finish(writer)

    save_file({name: np.ascontiguousarray(values) for name, values in stored.items()}, folder / "model.safetensors",
              metadata={"made_with": made_with})
    (folder / "config.json").write_text(json.dumps({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": width,
        "intermediate_size": mlp_width, "num_hidden_layers": layers, "num_attention_heads": heads,
        "num_key_value_heads": key_value_heads, "vocab_size": vocabulary, "max_position_embeddings": context,
        "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": True, "torch_dtype": "float32"}, indent=1)
        + "\n")


blocks()
llama()
