#!/usr/bin/env python3
"""Decoding and prefill of llama.cpp and of Stemma: the same random weights from the same GGUF files, as many threads.

    pip install gguf                                          (brings numpy; not needed by anything else)
    tests/bench/llama_cpp_compare.py build/release/bin/stemma PATH/llama-bench [SHAPE[:TYPE] ...] >> tests/bench/RESULTS.md

The files are made in $STEMMA_MODELS where that is set, and stay there for the next run.
llama-bench is built outside this repository from its public source: cmake -DGGML_NATIVE=ON, Release, for the CPU.
"""
import datetime
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import gguf
import numpy

from model_speed import processor

shapes = {  # layers, width, heads, heads of keys, mlp width, vocabulary
    "smollm-135m": (30, 576, 9, 3, 1536, 49152),
    "qwen2.5-0.5b": (24, 896, 14, 2, 4864, 151936),
    "llama-1b": (16, 2048, 32, 8, 8192, 128256),
}
types = {"f32": gguf.GGMLQuantizationType.F32, "bf16": gguf.GGMLQuantizationType.BF16,
         "q8_0": gguf.GGMLQuantizationType.Q8_0, "q4_k": gguf.GGMLQuantizationType.Q4_K}
prompt, written, context, repeats = 512, 128, 8192, 3


def weights(random, dtype, rows, columns):
    if dtype != "q4_k":
        return gguf.quants.quantize(random.uniform(-0.0346, 0.0346, (rows, columns)).astype(numpy.float32), types[dtype])
    blocks = random.integers(0, 256, (rows, columns // 256, 144), numpy.uint8)  # gguf has no quantiser of it
    step = 0.02 / (31 * 7.5)  # times a scale of 6 bits and a weight of 4; the minimum takes away their mean
    blocks[:, :, :4] = numpy.frombuffer(numpy.array([step, 7.5 * step], numpy.float16).tobytes(), numpy.uint8)
    return blocks.reshape(rows, -1)


def write_model(path, shape, dtype):
    layers, width, heads, key_heads, mlp, vocabulary = shapes[shape]
    random = numpy.random.default_rng(1)
    file = gguf.GGUFWriter(path, "llama")
    file.add_name(shape)
    file.add_block_count(layers)
    file.add_context_length(context)
    file.add_embedding_length(width)
    file.add_feed_forward_length(mlp)
    file.add_head_count(heads)
    file.add_head_count_kv(key_heads)
    file.add_rope_dimension_count(width // heads)
    file.add_layer_norm_rms_eps(1e-5)
    file.add_vocab_size(vocabulary)
    # Bytes as byte-level BPE writes them, one merge, and words that nothing spells.
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = [chr(c) for c in plain] + [chr(256 + i) for i in range(256 - len(plain))]
    tokens = letters + ["ab"] + [f"word{i}" for i in range(vocabulary - 257)]
    file.add_tokenizer_model("gpt2")
    file.add_tokenizer_pre("gpt-2")
    file.add_token_list(tokens)
    file.add_token_types([gguf.TokenType.NORMAL] * vocabulary)
    file.add_token_merges(["a b"])
    file.add_bos_token_id(0)
    file.add_eos_token_id(0)

    def add(name, rows, columns):
        file.add_tensor(name, weights(random, dtype, rows, columns), raw_dtype=types[dtype])

    def add_ones(name):
        file.add_tensor(name, numpy.ones(width, numpy.float32))

    add("token_embd.weight", vocabulary, width)  # and unembedding
    keys = width // heads * key_heads
    for i in range(layers):
        add_ones(f"blk.{i}.attn_norm.weight")
        add(f"blk.{i}.attn_q.weight", width, width)
        add(f"blk.{i}.attn_k.weight", keys, width)
        add(f"blk.{i}.attn_v.weight", keys, width)
        add(f"blk.{i}.attn_output.weight", width, width)
        add_ones(f"blk.{i}.ffn_norm.weight")
        add(f"blk.{i}.ffn_gate.weight", mlp, width)
        add(f"blk.{i}.ffn_up.weight", mlp, width)
        add(f"blk.{i}.ffn_down.weight", width, mlp)
    add_ones("output_norm.weight")
    file.write_header_to_file()
    file.write_kv_data_to_file()
    file.write_tensors_to_file()
    file.close()


def theirs(program, model, threads):
    done = subprocess.run([program, "-m", model, "-p", str(prompt), "-n", str(written), "-t", str(threads), "-r",
                           str(repeats), "-o", "json"], capture_output=True, text=True)
    if done.returncode < 0:  # a signal
        return None
    done.check_returncode()
    rows = json.loads(done.stdout)
    best = {("decode" if row["n_gen"] else "prefill"): max(row["samples_ts"]) for row in rows}
    return best["decode"], best["prefill"], rows[0]["build_commit"]


def ours(program, model, dtype):
    def tokens_per_second(*arguments):
        done = subprocess.run([program, "bench", *arguments, "--model", model, "--dtype", dtype, "--device", "cpu", "--json"],
                              capture_output=True, text=True, check=True)
        return json.loads(done.stdout)["tokens_per_second"]
    return tokens_per_second("decode", "--tokens", str(written)), tokens_per_second("prefill", "--tokens", str(prompt))


def main():
    stemma, llama_bench, asked = sys.argv[1], sys.argv[2], sys.argv[3:] or ["smollm-135m"]
    name, threads = processor()
    print(f"\n## Beside llama.cpp, {datetime.date.today()}, {name}, {threads} threads\n")
    print(f"`tests/bench/llama_cpp_compare.py`: the same GGUF files; tokens a second, the best of {repeats}: {written} tokens "
          f"written one after the other, a prompt of {prompt} read at once.\n")
    print("| shape | weights | decode, Stemma | llama.cpp | ratio | prefill, Stemma | llama.cpp | ratio |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    commit = "that crashed"
    with tempfile.TemporaryDirectory() as folder:
        for shape, dtypes in ((one.split(":")[0], one.split(":")[1:] or ["f32", "bf16", "q8_0"]) for one in asked):
            for dtype in dtypes:
                model = pathlib.Path(os.environ.get("STEMMA_MODELS", folder)) / f"{shape}-{dtype}.gguf"
                if not model.exists():
                    write_model(model, shape, dtype)
                found = theirs(llama_bench, model, threads)
                own_decode, own_prefill = ours(stemma, model, dtype)
                if not found:
                    print(f"| {shape} | {dtype} | {own_decode:.1f} | crashes | | {own_prefill:.0f} | crashes | |", flush=True)
                    continue
                decode, prefill, commit = found
                print(f"| {shape} | {dtype} | {own_decode:.1f} | {decode:.1f} | x {own_decode / decode:.2f} "
                      f"| {own_prefill:.0f} | {prefill:.0f} | x {own_prefill / prefill:.2f} |", flush=True)
    print(f"\nllama.cpp is the one of commit {commit}.")


if __name__ == "__main__":
    main()
