# Shared by ./quickstart and ./check: installs what a build needs on a Debian machine, and builds.
# Sourced by bash with `root` set to the source folder. Says on stderr what it does.
# shellcheck shell=bash disable=SC2034,SC2154

export LC_ALL=C.UTF-8 # numbers, sorting and messages do not depend on the caller's language

readonly kBuildPackages=(g++ cmake ninja-build ccache libfmt-dev libcli11-dev nlohmann-json3-dev zlib1g-dev
  libarchive-dev libjpeg62-turbo-dev libpng-dev libeigen3-dev)
readonly kTestPackages=(libgtest-dev python3 python3-numpy clang-format)
readonly kFullPackages=(libonnx-testdata dataset-fashion-mnist qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross valgrind
  chromium dpkg-dev file python3-venv)

say() { printf '%s\n' "$*" >&2; }
fail() {
  say "error: $*"
  exit 1
}

installed() { dpkg-query -W -f='${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed; }
# True where LLVM's libraries and its test tools are there, in a version that Striate takes.
have_llvm() {
  local version
  for version in 22 19; do
    installed "llvm-$version-dev" && installed "llvm-$version-tools" && return 0
  done
  return 1
}

# apt-get as root, never asking a question, waiting for another apt to finish.
apt_get() {
  local command=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 "$@")
  [[ $EUID -eq 0 ]] || command=(sudo "${command[@]}")
  "${command[@]}" </dev/null >&2
}

# Installs the named packages, and LLVM, where they are missing. Does nothing, fast, where all are there.
ensure_packages() {
  local package missing=()
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    say "not a Debian system: taking it that these are installed: $* LLVM 22.1 or 19.1"
    return
  fi
  for package in "$@"; do installed "$package" || missing+=("$package"); done
  local need_llvm=false
  have_llvm || need_llvm=true
  [[ ${#missing[@]} -eq 0 && $need_llvm == false ]] && return

  $need_llvm && missing+=(llvm-22-dev llvm-22-tools)
  [[ $EUID -eq 0 ]] || command -v sudo >/dev/null || fail "run this as root once, or install: ${missing[*]}"
  say "installing: ${missing[*]}"
  apt_get update || say "apt-get update failed; going on with the package lists that are here"
  apt_get install -y --no-install-recommends "${missing[@]}" && return
  if $need_llvm; then
    say "LLVM 22 cannot be had here; taking LLVM 19"
    missing=("${missing[@]/#llvm-22-/llvm-19-}")
    apt_get install -y --no-install-recommends "${missing[@]}" && return
  fi
  fail "could not install: ${missing[*]}"
}

# Compilers that run at once: one for each processor, and 1.5 GiB of free memory for each.
build_jobs() {
  local memory limit jobs processors
  memory=$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo)
  limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || echo max)
  [[ $limit =~ ^[0-9]+$ ]] && ((limit / 1048576 < memory)) && memory=$((limit / 1048576))
  jobs=$((memory / 1536))
  processors=$(nproc)
  ((jobs > processors)) && jobs=$processors
  ((jobs < 1)) && jobs=1
  echo "$jobs"
}

# build PRESET JOBS TARGET...: configures the preset and builds the targets, in the preset's folder.
build() {
  local preset=$1 jobs=$2
  shift 2
  say "building ($preset, $jobs at once)"
  (cd "$root" && cmake --preset "$preset" && cmake --build --preset "$preset" --parallel "$jobs" --target "$@") >&2
}
