#!/usr/bin/env bash
# Makes the pictures of the help pages and of the README from the demo session: resources/help/*.png. Without a display it
# starts one of its own. An argument names another session.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/prepare.sh"

build release stemma
stemma=$root/build/release/bin/stemma
session=${1:-$root/resources/demo/demo.h5}
help=$root/resources/help
mkdir -p "$help"

if [ -z "${DISPLAY:-}" ]; then
  number=$(mktemp)
  Xvfb -displayfd 3 -screen 0 2560x1440x24 -nolisten tcp 3>"$number" 2>/dev/null &
  server=$!
  trap 'kill $server 2>/dev/null; rm -f "$number"' EXIT
  for _ in $(seq 100); do
    [ -s "$number" ] && break
    sleep 0.1
  done
  export DISPLAY=:$(cat "$number")
fi
export QT_QPA_PLATFORM=xcb

picture() {
  "$stemma" --screenshot "$help/$1.png" "${@:2}" "$session"
  echo "resources/help/$1.png"
}

picture workbench --size 1280x800 --theme light --trace 11 --step 1 --shade logprob
picture workbench-dark --size 1280x800 --theme dark --trace 4 --step 1 --shade entropy
picture activations --size 1280x900 --theme light --trace 4 --step 1 --drawer
