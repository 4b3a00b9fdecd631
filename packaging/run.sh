#!/usr/bin/env bash
# Builds Stemma and opens the workbench on the demo session. Without a display it takes one prompt through generate,
# attribute, show and export instead, and names the files. Arguments are passed to `stemma` as they are.
set -euo pipefail
started_in=$PWD
source "$(dirname "${BASH_SOURCE[0]}")/prepare.sh"

install_packages
build release stemma
stemma=$root/build/release/bin/stemma
if (($#)); then
  cd "$started_in"
  exec "$stemma" "$@"
fi

# Whether a window can open here: a display that answers, not a variable that is set.
display_answers() {
  [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || return 1
  timeout 10 python3 - <<'PYTHON' 2>/dev/null
import ctypes, glob, os, socket, sys

if os.environ.get("DISPLAY"):
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    if x11.XOpenDisplay(None):
        sys.exit(0)
name = os.environ.get("WAYLAND_DISPLAY")
if name and glob.glob("/usr/lib/*/qt6/plugins/platforms/libqwayland*"):
    socket.socket(socket.AF_UNIX).connect(os.path.join(os.environ.get("XDG_RUNTIME_DIR", ""), name))
    sys.exit(0)
sys.exit(1)
PYTHON
}

demo=resources/demo
if display_answers; then
  exec "$stemma" "$demo/demo.h5"
fi

session=results/demo.h5
prompt=$(python3 -c '
import json, sys
print(next(row["prompt"] for row in map(json.loads, open(sys.argv[1])) if row["task"] == "slope"))
' "$demo/evaluation.jsonl") # held out: it stands in no document
figures=(step document activations)
made=("$session")
for figure in "${figures[@]}"; do
  made+=("results/demo-$figure.svg" "results/demo-$figure.csv")
done

# The same program on the same files makes the same results: then they are only shown.
stamp=results/.made-by
made_by=$(sha256sum "$stemma" "$demo"/model/* "$demo/corpus.jsonl.zst" packaging/run.sh | sha256sum)
if [ "$(cat $stamp 2>/dev/null)" != "$made_by" ] || ! ls "${made[@]}" >/dev/null 2>&1; then
  mkdir -p results
  rm -f "$stamp" "${made[@]}" results/demo.activations.h5
  "$stemma" generate --model "$demo/model" --prompt "$prompt" --out "$session" --seed 1
  "$stemma" attribute "$session" --corpus "$demo/corpus.jsonl.zst"
  for figure in "${figures[@]}"; do
    for extension in svg csv; do
      "$stemma" export "$session" --figure "$figure" --out "results/demo-$figure.$extension"
    done
  done
  echo "$made_by" >$stamp
fi
"$stemma" show "$session"
echo
echo "No display answers here, so no window was opened. The results lie in:"
printf '  %s\n' "${made[@]}"
