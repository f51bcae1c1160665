#!/bin/bash
# Fuzzes: run.sh SECONDS [TARGET…]. Without targets: all of them, SECONDS each. A
# target is capture_file, frame, stream, signature_file, advisory_file, or the name of a
# protocol.
# Needs a Rust toolchain (stable will do) and a C++ compiler. Inputs that break
# something are written to fuzz/artifacts; then the exit code is 1.
#
#   JOBS=n     targets at a time (default: half of the cores)
#   FRESH=1    forget what earlier runs have found out
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:?run.sh SECONDS [TARGET…]}
shift
command -v c++ >/dev/null || ../.ci/install.sh g++

# The compiler counts which edges are taken and reports what is compared. Only
# code of the target is built so, hence --target.
triple=$(rustc -vV | sed -n 's/^host: //p')
flags="--cfg fuzzing -Cpasses=sancov-module -Cforce-frame-pointers
  -Cllvm-args=-sanitizer-coverage-level=4
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
  -Cllvm-args=-sanitizer-coverage-pc-table
  -Cllvm-args=-sanitizer-coverage-trace-compares"
RUSTFLAGS=$(echo $flags) cargo build --quiet --release --target "$triple"
bin=target/$triple/release

[ -z "${FRESH:-}" ] || rm -rf corpus
mkdir -p corpus artifacts logs
"$bin/seed" corpus ../pcaps/lab corpus
[ $# -gt 0 ] || mapfile -t all < <("$bin/seed" targets)
[ $# -eq 0 ] || all=("$@")
for target in "${all[@]}"; do
  "$bin/seed" targets | grep -x "$target" >/dev/null || { echo "no target is called $target"; exit 2; }
done

one() {
  target=$1 program=$bin/dissector
  [ ! -x "$bin/$target" ] || program=$bin/$target
  mkdir -p "corpus/$target" "artifacts/$target" "regressions/$target"
  dictionary=()
  [ ! -f "dictionaries/$target" ] || dictionary=(-dict="dictionaries/$target")
  if AUSCULT_PROTOCOL=$target "$program" "corpus/$target" "regressions/$target" \
    -max_total_time="$seconds" -max_len=16384 -timeout=10 -rss_limit_mb=1024 -verbosity=1 \
    -print_final_stats=1 "${dictionary[@]}" -artifact_prefix="artifacts/$target/" \
    >"logs/$target" 2>&1; then
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "logs/$target")
    echo "$target: ${runs:-0} inputs in $seconds s, nothing found"
  else
    echo "$target: FOUND, see fuzz/logs/$target and fuzz/artifacts/$target"
    grep -aE "panicked|ERROR|^SUMMARY" -A 3 "logs/$target" | head -12
    return 1
  fi
}
export -f one
export bin seconds
printf '%s\n' "${all[@]}" |
  xargs -P "${JOBS:-$((($(nproc) + 1) / 2))}" -I{} bash -c 'one "$1" || exit 1' _ {} ||
  { echo "fuzzing found something"; exit 1; }
