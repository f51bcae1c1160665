#!/usr/bin/env bash
# bench-live.sh [TRACES_DIR]: what the sensor receives on a virtual cable between two
# network namespaces, beside a receiver that only counts (examples/receive.rs), by the
# same method, in turn. Sent by tcpreplay as fast as it can, or at RATE of that.
# Prints medians with ranges of RUNS runs each. Needs root.
#
#   LOADS    frames of 64, 600 and 1514 bytes, and mixed, hosts, dicom of TRACES_DIR
#   METHODS  af-packet af-xdp
#   RATE     share of the greatest rate, in percent (default 100)
set -euo pipefail
cd "$(dirname "$0")/.."
traces=${1:-}
runs=${RUNS:-5}
seconds=${SECONDS_EACH:-5}
rate=${RATE:-100}
methods=${METHODS:-af-packet af-xdp}
loads=${LOADS:-64 600 1514${traces:+ mixed hosts dicom}}
[ "$(id -u)" -eq 0 ] || { echo "bench-live.sh: needs root, for namespaces" >&2; exit 1; }
need() { command -v "$1" >/dev/null || .ci/install.sh "$2"; }
need ip iproute2; need ethtool ethtool; need tcpreplay tcpreplay
[ -x /usr/bin/time ] || .ci/install.sh time
target=${CARGO_TARGET_DIR:-target}/release
[ -n "${BUILT:-}" ] || cargo build --release --quiet --bin auscult --example receive

near=benchn$$ far=benchf$$ dir=$(mktemp -d)
trap 'ip netns del $near 2>/dev/null; ip netns del $far 2>/dev/null; rm -rf "$dir"' EXIT
for ns in $near $far; do
  ip netns add $ns
  ip netns exec $ns sysctl -qw net.ipv6.conf.default.disable_ipv6=1
done
ip link add mirror netns $near numrxqueues 1 numtxqueues 1 type veth \
  peer name mirror netns $far numrxqueues 1 numtxqueues 1
for ns in $near $far; do
  ip -n $ns link set mirror mtu 9000 up
  for offload in rxvlan txvlan rx-vlan-stag-hw-parse tx-vlan-stag-hw-insert gro gso tso; do
    ip netns exec $ns ethtool -K mirror $offload off >/dev/null 2>&1 || true
  done
done

# 20,000 datagrams of one length between 1000 pairs of hosts in ten VLANs.
for size in 64 600 1514; do
  python3 - "$size" "$dir/$size.pcap" <<'PYTHON'
import struct, sys
size, path = int(sys.argv[1]), sys.argv[2]
with open(path, "wb") as out:
    out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
    for n in range(20000):
        host, payload = n % 1000, size - 18 - 28
        mac = lambda kind: bytes([2, kind, 0, 0, host >> 8, host & 255])
        ether = mac(1) + mac(2) + struct.pack(">HHH", 0x8100, 10 + host % 10, 0x0800)
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28 + payload, n, 0, 64, 17, 0,
                         bytes([10, 1, host >> 8, host & 255]), bytes([10, 2, host >> 8, host & 255]))
        data = struct.pack(">I", n) + bytes(max(payload - 4, 0))
        frame = ether + ip + struct.pack(">HHHH", 4000, 4001, 8 + payload, 0) + data[:payload]
        out.write(struct.pack("<IIII", n // 1000, n % 1000, len(frame), len(frame)) + frame)
PYTHON
done

# Sends for some seconds; prints frames and bytes sent, and the rate.
play() {
  local file=$1 pps=$2 speed=(--topspeed)
  [ "$pps" = 0 ] || speed=(--pps="$pps")
  ip netns exec $far tcpreplay -q -i mirror -K --loop 0 --duration "$seconds" "${speed[@]}" "$file" 2>/dev/null |
    sed -nE 's/^Actual: ([0-9]+) packets \(([0-9]+) bytes\).*/\1 \2/p; s/^Rated:.*, ([0-9.]+) pps$/\1/p' | tr '\n' ' '
}
greatest=0
for load in $loads; do
  file=$dir/$load.pcap; [ -f "$file" ] || file=$traces/$load.pcap
  pps=0
  if [ "$rate" != 100 ]; then
    greatest=$(play "$file" 0 | awk '{print $3}')
    pps=$(awk -v g="$greatest" -v r="$rate" 'BEGIN {printf "%d", g * r / 100}')
  fi
  for _ in $(seq "$runs"); do
    for method in $methods; do
      # Who only counts.
      ip netns exec $near /usr/bin/time -o "$dir/time" -f "%U %S" \
        "$target/examples/receive" "$method" mirror "$((seconds + 4))" >"$dir/said" &
      sleep 1
      sent=$(play "$file" "$pps"); wait $!
      echo "$load $method count $sent $(awk '/^queue/ {n += $3} END {print n + 0}' "$dir/said") $(cat "$dir/time")" >>"$dir/rows"
      # The sensor.
      rm -rf "$dir/db"; mkdir "$dir/db"
      ip netns exec $near /usr/bin/time -o "$dir/time" -f "%U %S" \
        "$target/auscult" --db "$dir/db/a.db" -v listen -i mirror --capture "$method" 2>"$dir/said" &
      sleep 2
      sent=$(play "$file" "$pps"); sleep 0.5
      pkill -TERM -P $!; wait $! || { cat "$dir/said" >&2; exit 1; }
      echo "$load $method auscult $sent $(awk '$1 == "frames" {print $2}' "$dir/said") $(cat "$dir/time")" >>"$dir/rows"
    done
  done
done

python3 - "$dir/rows" <<'PYTHON'
import statistics, sys
rows = {}
for line in open(sys.argv[1]):
    load, method, who, sent, bytes_, pps, got, user, system = line.split()
    sent, bytes_, pps, got = int(sent), int(bytes_), float(pps), int(got)
    cpu = (float(user) + float(system)) * 1e9 / max(got, 1)
    rows.setdefault((load, method, who), []).append(
        (pps * got / sent / 1e6, pps * got / sent * bytes_ / sent * 8 / 1e9, 100 * (1 - got / sent), cpu))
print(f"{'load':<7}{'method':<11}{'receiver':<9}{'Mpps median (range)':>22}{'Gb/s':>7}{'lost % (range)':>22}{'ns CPU/frame':>14}{'of count':>10}")
for (load, method, who), runs in rows.items():
    speed, bits, lost, cpu = ([r[n] for r in runs] for n in range(4))
    med = statistics.median
    count = med([r[0] for r in rows[load, method, "count"]])
    mpps = f"{med(speed):.2f} ({min(speed):.2f}-{max(speed):.2f})"
    loss = f"{med(lost):.2f} ({min(lost):.2f}-{max(lost):.2f})"
    print(f"{load:<7}{method:<11}{who:<9}{mpps:>22}{med(bits):>7.2f}{loss:>22}{med(cpu):>14.0f}{med(speed) / count:>10.2f}")
PYTHON
