#!/usr/bin/env bash
# Do COMMIT and this checkout compute the same bits on this machine? Both are built, and through the command line alone these are compared: logits, losses
# and gradient norms, adapters and AdamW's moments after every step, merged weights, ids; of tiny models, the bundled one and Gemma 3 270M, in every
# arithmetic, form of weights and vector width, with machine code and without. One line for each case; exit 1 if anything differs.
#
# usage: same_bits.sh COMMIT [--quick] [--reference DIR] [--real DIR] [--only WORDS] [--jobs N]
# --quick       tiny models and a few cases of each kind
# --reference   folder of make_reference.py's models (default: ../shared/reference/models beside the checkout; the tests' own are always compared)
# --real        folder of Gemma 3 270M (default: gemma-3-270m in Jemma's cache folder)
# --only        cases whose line holds WORDS
# --jobs        cases at a time (default: one for each processor)
set -eu
cd "$(dirname "$0")/../.."
here="$PWD"
usage() {
  sed -n 's/^# usage: /usage: /p' tests/scripts/same_bits.sh >&2
  exit 2
}
cache="${XDG_CACHE_HOME:-$HOME/.cache}/jemma"
commit= extent=whole only= reference="$here/../shared/reference/models" real="$cache/gemma-3-270m" jobs="$(getconf _NPROCESSORS_ONLN)"
while [ $# -gt 0 ]; do
  case "$1" in
  --quick) extent=quick ;;
  --reference | --real | --only | --jobs)
    [ $# -gt 1 ] || usage
    case "$1" in
    --reference) reference="$(cd "$2" && pwd)" ;;
    --real) real="$(cd "$2" && pwd)" ;;
    --only) only="$2" ;;
    --jobs) jobs="$2" ;;
    esac
    shift
    ;;
  -*) usage ;;
  *)
    [ -z "$commit" ] || usage
    commit="$1"
    ;;
  esac
  shift
done
[ -n "$commit" ] || usage
hash="$(git rev-parse --verify --quiet "$commit^{commit}")" || {
  echo "'$commit' is no commit of this repository; 'git fetch' may bring it" >&2
  exit 2
}

# The commit's files, once. What was not asked for in two months is removed.
before="$cache/builds/$hash"
mkdir -p "$cache/builds"
find "$cache/builds" -mindepth 1 -maxdepth 1 -type d -mtime +60 -exec rm -rf {} +
if [ ! -d "$before" ]; then
  new="$(mktemp -d "$before.XXXXXX")"
  trap 'rm -rf "$new"' EXIT
  git archive "$hash" | tar -x -C "$new"
  mv "$new" "$before"
  trap - EXIT
fi
touch "$before"

# Each launcher builds its own.
"$before/jemma" --version >/dev/null
./jemma --version >/dev/null

. .mvn/find-jdk.sh
exec "$JDK/bin/java" -XX:+UseSerialGC -cp "$here/cli/target/lib/*" tests/src/test/java/dev/jemma/samebits/SameBits.java \
  "$(git rev-parse --short "$hash")" "$before" "$(git describe --always --dirty)" "$here" "$extent" "$reference" "$real" "$only" "$jobs"
