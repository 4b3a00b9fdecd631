#!/usr/bin/env bash
# Makes all of the demo again from nothing: corpus, tokenizer, model, factors, session, results.
#
#   resources/demo/make_demo.sh [--scale X] [--out DIR] [--program PATH]
#
# --scale 1.3 (the default) makes the bundled demo; a small one (0.02) takes a minute. What is already there of the same
# settings is kept: an interrupted training goes on where it stopped. It first says how long the training will take.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$here scale=1.3 program=$here/../../build/release/bin/stemma
while [ $# -gt 0 ]; do
  case $1 in
    --scale) scale=$2 ;;
    --out) out=$2 ;;
    --program) program=$2 ;;
    *) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 2 ;;
  esac
  shift 2
done
[ -x "$program" ] || { echo "make_demo.sh: $program is not built yet; run packaging/run.sh first, or give --program" >&2; exit 1; }
program=$(realpath "$program")
mkdir -p "$out/model"
cd "$out"

echo "== corpus and tokenizer" >&2
python3 "$here/make_corpus.py" --out "$out" --scale "$scale" >&2
cp model_tokenizer/*.json model/
zstd -q -19 -f corpus.jsonl -o corpus.jsonl.zst
rm -r corpus.jsonl model_tokenizer
[ "$here" = "$out" ] || cp "$here/train.json" "$here/prompts.jsonl" "$out/"

echo "== training" >&2
"$program" train --config train.json --corpus corpus.jsonl.zst --out model --dry-run >&2
"$program" train --config train.json --corpus corpus.jsonl.zst --out model >&2

echo "== curvature factors" >&2
"$program" fit --model model --corpus corpus.jsonl.zst --out model/factors.h5 >&2

echo "== the demo session" >&2
rm -f demo.h5 demo.activations.h5
"$program" generate --model model --prompts prompts.jsonl --out demo.h5 >&2
"$program" generate --model model --prompt "What is (8 + 3) * 2?" --no-think --out demo.h5 >&2
"$program" attribute demo.h5 --corpus corpus.jsonl.zst --top 12 >&2

echo "== results" >&2
suite=evaluation.jsonl
if awk "BEGIN { exit !($scale < 0.5) }"; then # a model this little trained is asked every tenth prompt only
  awk 'NR % 10 == 1' evaluation.jsonl >every-tenth.jsonl
  suite=every-tenth.jsonl
fi
"$program" study demo --model model --suite $suite --corpus corpus.jsonl.zst --facts 90 --out RESULTS.md
