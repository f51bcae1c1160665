#!/usr/bin/env bash
# bench.sh [TRACES_DIR]: measures `auscult read` on mixed.pcap, hosts.pcap and
# dicom.pcap of a directory beside its peers (PEERS: ndpiReader, softflowd, tcpdump, and
# suricata, which Debian 12 has in bookworm-backports only), in turn, so that a noisy
# machine is noisy for all. Prints medians with ranges of RUNS runs each.
#
# Packets a second are of processor time (user and system), since nearly all of them
# work on one thread and others may use the machine; elapsed time and peak memory stand
# beside.
set -euo pipefail
cd "$(dirname "$0")/.."
traces=$(cd "${1:-traces}" && pwd)
runs=${RUNS:-5}
names=${NAMES:-mixed hosts dicom}
auscult=${AUSCULT:-${CARGO_TARGET_DIR:-target}/release/auscult}
[ -n "${AUSCULT:-}" ] || cargo build --release --quiet

need() { command -v "$1" >/dev/null || .ci/install.sh "$2"; }
peers=${PEERS:-ndpiReader softflowd tcpdump suricata}
for peer in $peers; do
  case $peer in
    ndpiReader) need ndpiReader libndpi-bin ;;
    suricata) command -v suricata >/dev/null || .ci/install.sh suricata ||
      { echo "suricata cannot be installed here: it is not measured" >&2; peers=${peers/suricata/}; } ;;
    *) need "$peer" "$peer" ;;
  esac
done
need capinfos wireshark-common
[ -x /usr/bin/time ] || .ci/install.sh time
for name in $names; do
  [ -s "$traces/$name.pcap" ] || { echo "bench.sh: $traces/$name.pcap is missing" >&2; exit 1; }
done

dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
# run NAME TOOL COMMAND…: one line of elapsed, processor seconds and KiB.
run() {
  local out=$dir/$1.$2; shift 2
  /usr/bin/time -a -o "$out" -f "%e %U %S %M" "$@" >/dev/null 2>"$dir/said" \
    || { cat "$dir/said" >&2; exit 1; }
}
for name in $names; do
  file=$traces/$name.pcap
  for _ in $(seq "$runs"); do
    rm -rf "$dir/db"; mkdir "$dir/db"
    run "$name" auscult "$auscult" --db "$dir/db/auscult.db" -q read "$file"
    for peer in $peers; do
      rm -rf "$dir/out"; mkdir "$dir/out"
      case $peer in
        ndpiReader) run "$name" "$peer" ndpiReader -q -i "$file" ;;
        # Room for all flows, and no control socket: a directory that only root may write makes it wait for ever.
        softflowd) run "$name" "$peer" timeout 600 softflowd -d -m 1048576 -r "$file" -p "$dir/softflowd.pid" -c none ;;
        # As root it would change to a user who may not read the file.
        tcpdump) run "$name" "$peer" tcpdump -Z root -r "$file" -w /dev/null ;;
        # As it is installed, but without rules.
        suricata) run "$name" "$peer" suricata -r "$file" -S /dev/null -k none --runmode single -l "$dir/out" ;;
      esac
    done
  done
  capinfos -c -M -T -r "$file" | cut -f2 >"$dir/$name.packets"
done

python3 - "$dir" "$peers" $names <<'PYTHON'
import statistics, sys
dir, peers, names = sys.argv[1], sys.argv[2].split(), sys.argv[3:]
print(f"{'trace':<7}{'program':<12}{'Mpps median (range)':>24}{'of auscult':>12}{'elapsed s':>11}{'peak MiB':>10}")
for name in names:
    packets = int(open(f"{dir}/{name}.packets").read())
    rows = {}
    for tool in ("auscult", *peers):
        runs = [tuple(map(float, line.split())) for line in open(f"{dir}/{name}.{tool}")]
        speeds = [packets / max(user + system, 0.01) / 1e6 for _, user, system, _ in runs]
        rows[tool] = (statistics.median(speeds), min(speeds), max(speeds),
                      statistics.median(r[0] for r in runs), max(r[3] for r in runs) / 1024)
    for tool, (mid, low, high, elapsed, peak) in rows.items():
        speed = f"{mid:.2f} ({low:.2f}-{high:.2f})"
        print(f"{name:<7}{tool:<12}{speed:>24}{mid / rows['auscult'][0]:>12.2f}{elapsed:>11.2f}{peak:>10.0f}")
PYTHON
