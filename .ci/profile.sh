#!/usr/bin/env bash
# profile.sh [CAPTURE…]: builds target/profiled/release/auscult, the release build with
# each branch laid out as real traffic takes it (profile-guided optimisation): builds it
# with counters, reads the captures (those of pcaps/ where none are named) and lists what
# it found, then builds it with what was counted. Two builds from the ground.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=$(rustc --print target-libdir)/../bin
[ -x "$tools/llvm-profdata" ] || rustup component add llvm-tools
captures=("$@")
[ $# -gt 0 ] || mapfile -t captures < <(find pcaps -name '*.pcap' -o -name '*.pcapng' | sort)
dir=$PWD/target/profiled
rm -rf "$dir/counts"
mkdir -p "$dir"

echo "with counters …" >&2
RUSTFLAGS="-Cprofile-generate=$dir/counts" CARGO_TARGET_DIR=$dir/counting cargo build --quiet --release
auscult=$dir/counting/release/auscult
db=$(mktemp -d); trap 'rm -rf "$db"' EXIT
for capture in "${captures[@]}"; do
  rm -f "$db"/*
  "$auscult" --db "$db/a.db" -q read "$capture" >/dev/null
  "$auscult" --db "$db/a.db" -q register >/dev/null
done
"$tools/llvm-profdata" merge -o "$dir/counts.profdata" "$dir/counts"

echo "with what was counted …" >&2
RUSTFLAGS="-Cprofile-use=$dir/counts.profdata" CARGO_TARGET_DIR=$dir cargo build --quiet --release
echo "$dir/release/auscult" >&2
