#!/usr/bin/env python3
"""Two ranks of one thread against one of one: fit and attribute on the demo's first documents, whole commands.

    tests/bench/many_ranks.py PROGRAM [DOCUMENTS] [--write]

--write puts the figures into tests/bench/RESULTS.md, as its section "Many ranks". Run it on an idle machine.
"""
import datetime, json, os, re, shutil, subprocess, sys, tempfile, time

import model_speed

here = os.path.dirname(os.path.abspath(__file__))
demo = os.path.join(here, "..", "..", "resources", "demo")
results = os.path.join(here, "RESULTS.md")


def seconds(arguments):
    start = time.monotonic()
    ran = subprocess.run(arguments, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    if ran.returncode:
        sys.exit(ran.stderr)
    return time.monotonic() - start, ran.stdout


def side_by_side(arguments, folder):
    """Two processes that share nothing but the machine: what it gives two ranks at most."""
    start = time.monotonic()
    both = [subprocess.Popen([*arguments, "--out", os.path.join(folder, f"beside{i}.h5")], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"}) for i in range(2)]
    if any([process.wait() for process in both]):
        sys.exit("a fit beside another failed")
    return time.monotonic() - start


def main():
    program = os.path.abspath(sys.argv[1])
    documents = next((a for a in sys.argv[2:] if a.isdigit()), "4000")
    rows, same = [], True
    with tempfile.TemporaryDirectory() as folder:
        corpus = ["--corpus", os.path.join(demo, "corpus.jsonl.zst"), "--sample", documents, "--device", "cpu"]
        model = ["--model", os.path.join(demo, "model")]
        hashes = []
        times = []
        for name, launcher in [("one", []), ("two", ["mpirun", "-n", "2"])]:
            session = os.path.join(folder, name + ".h5")
            factors = os.path.join(folder, name + ".factors.h5")
            shutil.copy(os.path.join(demo, "demo.h5"), session)
            trace = json.loads(seconds([program, "show", session, "--json"])[1])["traces"][0]["id"]
            fit, out = seconds(launcher + [program, "fit", *model, *corpus, "--out", factors, "--json"])
            fit_hash = json.loads(out)["hash"]
            scan, _ = seconds(launcher + [program, "attribute", session, *model, *corpus, "--factors", factors, "--trace", trace])
            shown = seconds([program, "show", session, "--trace", trace, "--documents", "25", "--tokens", "--json"])[1]
            hashes.append((fit_hash, json.dumps(json.loads(shown)["traces"][0]["steps"])))
            times.append((fit, scan))
        same = hashes[0] == hashes[1]
        beside = side_by_side([program, "fit", *model, *corpus], folder)
    for i, work in enumerate(["fit", "attribute"]):
        rows.append(f"| {work} | {times[0][i]:.1f} s | {times[1][i]:.1f} s | {times[0][i] / times[1][i]:.2f} |")
    section = "\n".join([
        "## Many ranks", "",
        f"{datetime.date.today()}, {model_speed.processor()[0]}; `tests/bench/many_ranks.py`: {int(documents):,} documents of the demo, "
        f"whole commands, one thread a rank, on one machine. Results are {'the same bits' if same else 'NOT THE SAME'}.", "",
        "| | one rank | two ranks | speed-up |", "| --- | --- | --- | --- |", *rows, "",
        f"Two such fits at once, which share nothing but the machine, take {beside:.1f} s: two ranks could be "
        f"{2 * times[0][0] / beside:.2f} times as fast as one.", ""])
    print(section)
    if "--write" in sys.argv:
        old = open(results).read() if os.path.exists(results) else "# Measured\n"
        old = re.sub(r"\n*## Many ranks\n.*?(?=\n## |\Z)", "", old, flags=re.S).rstrip()
        with open(results, "w") as file:
            file.write(old + "\n\n" + section)
    return 0 if same else 1


sys.exit(main())
