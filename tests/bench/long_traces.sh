#!/bin/bash
# Writes the section "Long traces" of RESULTS.md: what recording costs, a long trace in memory and on disk, and how long
# the window makes one wait in it.
#
#   tests/bench/long_traces.sh FOLDER [BUILD]     FOLDER keeps what was made and measured; what is there is used again
# NOTE="while builds ran" says what else the machine did.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=$1 build=${2:-build/release}
program=$build/bin/stemma waits=$build/tests/bin/bench_window_waits results=tests/bench/RESULTS.md
mkdir -p "$folder/small"
once() {  # FILE COMMAND...: runs the command unless its output is there
  local file=$folder/$1
  shift
  [ -s "$file" ] || { "$@" > "$file.part" && mv "$file.part" "$file"; }
}
once capture-short.txt "$program" bench capture --shape smollm-135m --dtype bf16 --tokens 96 --repeat 15
once capture.txt "$program" bench capture --shape smollm-135m --dtype bf16 --tokens 480 --repeat 7
once trace-small.txt "$program" bench trace --shape smollm-135m --tokens 10000 --capture residual,attention --keep "$folder/small"
once trace.txt "$program" bench trace --shape llama-1b --dtype bf16 --tokens 10000 --capture residual,attention --keep "$folder"
once window.txt env QT_QPA_PLATFORM=offscreen "$waits" "$folder/trace.h5"
touch "$results"
sed -i '/^## Long traces$/,/^## /{/^## Long traces$/d;/^## /!d}' "$results"
{
  [ -s "$results" ] && echo
  echo "## Long traces"
  echo
  echo "$(date -u +%F), $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), $(nproc) cores${NOTE:+, $NOTE}; written by tests/bench/long_traces.sh"
  for file in capture-short capture trace-small trace window; do printf '\n```\n%s\n```\n' "$(sed "s#$folder#FOLDER#" "$folder/$file.txt")"; done
} >> "$results"
