# Sourced by run.sh and test.sh: the packages, and the build of one preset. Sets `root`; runs in the repository's root.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1

# Asks dpkg first: with everything in place nothing is installed and no network is touched.
install_packages() {
  command -v dpkg-query >/dev/null || {
    echo "This system is no Debian; packaging/packages.txt names what must be there." >&2
    return 0
  }
  local package missing=() as_root=()
  local installed
  installed=" $(dpkg-query -W -f '${db:Status-Status}:${Package} ' 2>/dev/null)"
  for package in $(sed 's/#.*//' packaging/packages.txt); do
    [[ $installed == *" installed:$package "* ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
      echo "Missing packages; as root, run: apt-get install ${missing[*]}" >&2
      return 1
    }
    as_root=(sudo)
  fi
  echo "Installing ${missing[*]}" >&2
  "${as_root[@]}" apt-get update -qq &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

# build PRESET [TARGET...]: configures the first time only (Ninja configures again by itself when it must).
build() {
  local preset=$1
  shift
  [ -f "build/$preset/build.ninja" ] || cmake --preset "$preset" >&2 || return
  cmake --build "build/$preset" -j "$(nproc)" ${1:+--target "$@"} >&2
}
