#!/usr/bin/env python3
"""Runs `stemma bench decode` and `prefill` and prints their figures as a section of RESULTS.md.

    tests/bench/model_speed.py build/release/bin/stemma [SHAPE:DTYPE ...] >> tests/bench/RESULTS.md

A shape that does not fit the free memory is told by its sentence.
"""
import datetime
import json
import os
import subprocess
import sys

usual = [f"{shape}:{dtype}" for shape in ("smollm-135m", "qwen2.5-0.5b", "llama-1b", "llama-8b")
         for dtype in ("f32", "bf16", "q8_0", "q4_k")]


def processor():
    """Its name and family, for one name means several, and what it lacks; and the threads that are used."""
    with open("/proc/cpuinfo") as file:
        facts = [[part.strip() for part in line.split(":", 1)] for line in file if ":" in line]
    names = [value for key, value in facts if key == "model name"]
    of = dict(reversed(facts))
    lacks = "" if "avx512f" in of.get("flags", "").split() else " without AVX-512"
    return f"{names[0]} of family {of.get('cpu family', 'unknown')}{lacks}", int(os.environ.get("OMP_NUM_THREADS", len(names)))


def run(program, *arguments):
    done = subprocess.run([program, "bench", *arguments, "--json"], capture_output=True, text=True)
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr.strip()


def main():
    program, asked = sys.argv[1], sys.argv[2:] or usual
    name, threads = processor()
    print(f"\n## Decoding and prefill, {datetime.date.today()}, {name}, {threads} threads\n")
    print("Each row: `stemma bench decode --shape S --dtype D --batch 8` and `stemma bench prefill --shape S --dtype D`.\n")
    print("| shape | weights | tokens/s | GB/s of weights | of reading | of triad | batch 8 | prefill tokens/s | GFLOP/s "
          "| of products |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    refused = []
    for name in asked:
        shape, dtype = name.split(":")
        d = run(program, "decode", "--shape", shape, "--dtype", dtype, "--batch", "8")
        if isinstance(d, str):
            refused.append(f"{shape} {dtype}: {d}")
            continue
        row = [shape, dtype, f"{d['tokens_per_second']:.1f}", f"{d['bytes_per_second'] / 1e9:.1f}",
               f"{100 * d['share_of_read']:.0f} %", f"{100 * d['share_of_triad']:.0f} %", f"x {d['batch_times_one']:.1f}"]
        p = run(program, "prefill", "--shape", shape, "--dtype", dtype)
        if isinstance(p, str):
            refused.append(f"{shape} {dtype}, prefill: {p}")
            row += [""] * 3
        else:
            row += [f"{p['tokens_per_second']:.0f}", f"{p['flop_per_second'] / 1e9:.0f}",
                    f"{100 * p['share_of_matmul']:.0f} %"]
        print("| " + " | ".join(row) + " |", flush=True)
    for sentence in refused:
        print(f"\n{sentence}")


if __name__ == "__main__":
    main()
