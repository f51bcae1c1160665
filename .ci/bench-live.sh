#!/usr/bin/env bash
# bench-live.sh [TRACES_DIR]: what the sensor receives on a virtual cable between two
# network namespaces, beside a receiver that only counts (examples/receive.rs), by the
# same method, in turn. examples/send.rs sends on processor 0, where the kernel also does
# its part of receiving; who receives is on processor 1.
#
# For each: the greatest rate without a lost frame (the most the sender can, or less by
# 6 % at a time), processor time a frame there (of the sensor: its worker, and all its
# other threads), and whether the sensor loses anything at 70 % of the counting
# receiver's rate. Medians and ranges of RUNS. Needs root; takes the processors for
# itself while it runs.
#
#   LOADS    lengths of frames, and captures of TRACES_DIR without their ending
#   METHODS  af-xdp af-xdp-generic af-packet pcap
#   RING     MiB of memory for frames (default: the sensor's)
set -euo pipefail
cd "$(dirname "$0")/.."
export TRACES=${1:-} RUNS=${RUNS:-5} SECONDS_EACH=${SECONDS_EACH:-2} RING=${RING:-64}
export METHODS=${METHODS:-af-xdp af-packet} LOADS=${LOADS:-64 600 1514${1:+ mixed hosts dicom}}
[ "$(id -u)" -eq 0 ] || { echo "bench-live.sh: needs root, for namespaces" >&2; exit 1; }
need() { command -v "$1" >/dev/null || .ci/install.sh "$2"; }
need ip iproute2; need ethtool ethtool; need python3 python3
export TARGET=${CARGO_TARGET_DIR:-target}/release
[ -n "${BUILT:-}" ] || cargo build --release --quiet --bin auscult --example receive --example send

export NEAR=benchn$$ FAR=benchf$$ DIR=$(mktemp -d)
trap 'ip netns del $NEAR 2>/dev/null; ip netns del $FAR 2>/dev/null; rm -rf "$DIR"' EXIT
for ns in $NEAR $FAR; do
  ip netns add $ns
  ip netns exec $ns sysctl -qw net.ipv6.conf.default.disable_ipv6=1
done
ip link add mirror netns $NEAR numrxqueues 1 numtxqueues 1 type veth \
  peer name mirror netns $FAR numrxqueues 1 numtxqueues 1
for ns in $NEAR $FAR; do
  ip -n $ns link set mirror up
  for offload in rxvlan txvlan rx-vlan-stag-hw-parse tx-vlan-stag-hw-insert gso tso; do
    ip netns exec $ns ethtool -K mirror $offload off >/dev/null 2>&1 || true
  done
done
# Only with GRO does a cable bring XDP frames to the host; nothing is to be merged.
ip netns exec $NEAR ethtool -K mirror gro on
ip -n $NEAR link set mirror gro_max_size 1

cat >"$DIR/run.py" <<'PYTHON'
import os, re, signal, statistics, subprocess, sys, time

env = os.environ
near, far, directory, target = env["NEAR"], env["FAR"], env["DIR"], env["TARGET"]
rounds, seconds, ring = int(env["RUNS"]), env["SECONDS_EACH"], int(env["RING"])
STEP, TRIES = 0.94, 12

def inside(namespace, *command, **how):
    return subprocess.Popen(["ip", "netns", "exec", namespace, *command], text=True, **how)

def errors():
    """Frames that the cable itself dropped."""
    said = subprocess.run(["ip", "netns", "exec", far, "ethtool", "-S", "mirror"],
                          capture_output=True, text=True, check=True).stdout
    return sum(map(int, re.findall(r"xdp_xmit_errors: (\d+)", said)))

def sender(load):
    what = load if load.isdigit() else f"{env['TRACES']}/{load}.pcap"
    pipe = subprocess.PIPE
    process = inside(far, "taskset", "-c", "0", f"{target}/examples/send", "mirror", what,
                     stdin=pipe, stdout=pipe, stderr=pipe)
    process.stderr.readline()
    return process

def send(process, rate):
    before = errors()
    process.stdin.write(f"{seconds} {int(rate)}\n")
    process.stdin.flush()
    said = process.stdout.readline()
    frames, octets, took = re.match(r"(\d+) frames, (\d+) bytes, ([\d.]+)", said).groups()
    frames = int(frames) - (errors() - before)
    return frames, int(octets) / frames, float(took)

def worker(process):
    """Seconds of processor time of the worker so far."""
    spent, tasks = 0, f"/proc/{process.pid}/task"
    for task in os.listdir(tasks):
        if open(f"{tasks}/{task}/comm").read().startswith("mirror:"):
            fields = open(f"{tasks}/{task}/stat").read().rsplit(") ", 1)[1].split()
            spent += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return spent

def ended(process):
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"it ended with {process.returncode}")
    return used.ru_utime + used.ru_stime

def once(who, method, source, rate):
    """One run: frames and bits a second sent, frames lost of how many, ns of processor a
    frame: of the worker, and of the rest."""
    out = open(f"{directory}/said", "w+")
    if who == "count":
        frames = (ring << 9) if method.startswith("af-xdp") else 0
        keys = [f"frames={frames}"] if frames else [f"ring={ring << 20}"]
        process = inside(near, "taskset", "-c", "1", f"{target}/examples/receive", method, "mirror",
                         "30", "quiet=400", *keys, stdout=out)
        time.sleep(0.4)
    else:
        subprocess.run(["rm", "-rf", f"{directory}/db"], check=True)
        os.mkdir(f"{directory}/db")
        process = inside(near, f"{target}/auscult", "--db", f"{directory}/db/a.db", "-v", "listen",
                         "-i", "mirror", "--capture", method, "--cpus", "1", "--ring", str(ring),
                         stderr=out)
        deadline = time.time() + 20
        while "workers" not in open(f"{directory}/said").read() and time.time() < deadline:
            time.sleep(0.1)
        time.sleep(0.3)
    sent, length, took = send(source, rate)
    reading = 0
    if who == "auscult":
        time.sleep(0.4)
        reading = worker(process)
        process.send_signal(signal.SIGTERM)
    used = ended(process)
    out.seek(0)
    pattern = r"^queue \d+: (\d+) frames" if who == "count" else r"^\s*frames\s+(\d+)\s*$"
    got = sum(int(n) for n in re.findall(pattern, out.read(), re.M))
    ns = [seconds * 1e9 / max(got, 1) for seconds in (reading or used, used - reading)]
    return sent / took, sent / took * length * 8, sent - got, sent, *ns

def greatest(who, method, load, source, before):
    """The greatest rate that loses nothing. `before`: one that was, 0 for the most."""
    rate = before / STEP if before else 0
    for _ in range(TRIES):
        run = once(who, method, source, rate)
        if run[2] <= 0:
            return run, rate
        print(f"# {load} {method} {who}: {run[0] / 1e6:.2f} M/s, lost {run[2]} of {run[3]}",
              file=sys.stderr, flush=True)
        got = run[0] * (1 - run[2] / run[3])
        rate = min(run[0] * STEP, got) if rate == 0 else run[0] * STEP
    return run, rate

def show(values, form):
    return f"{format(statistics.median(values), form)} ({format(min(values), form)}–{format(max(values), form)})"

print("| frames | method | counting, M/s | auscult, M/s | Gb/s | of counting | ns a frame: worker + rest (counting) | lost at 70 %, of runs |")
print("|---|---|---|---|---|---|---|---|", flush=True)
for load in env["LOADS"].split():
    source = sender(load)
    for method in env["METHODS"].split():
        runs, limit = {"count": [], "auscult": []}, {"count": 0, "auscult": 0}
        shares, lost = [], []
        for _ in range(rounds):
            for who in runs:
                run, rate = greatest(who, method, load, source, limit[who])
                runs[who].append(run)
                limit[who] = rate and run[0]
            shares.append(runs["auscult"][-1][0] / runs["count"][-1][0])
            at70 = once("auscult", method, source, 0.7 * runs["count"][-1][0])
            lost.append(100 * max(at70[2], 0) / at70[3])
        rates = {who: [r[0] / 1e6 for r in runs[who]] for who in runs}
        ns = [statistics.median(r[n] for r in runs[who]) for who, n in (("auscult", 4), ("auscult", 5), ("count", 4))]
        bits = statistics.median(r[1] / 1e9 for r in runs["auscult"])
        bad = [x for x in lost if x > 0]
        drops = f"{len(bad)} of {len(lost)}" + (f", {statistics.median(lost):.3f} % (at most {max(lost):.3f})" if bad else "")
        print(f"| {load} | {method} | {show(rates['count'], '.2f')} | {show(rates['auscult'], '.2f')} | {bits:.2f} "
              f"| {statistics.median(shares):.2f} | {ns[0]:.0f} + {ns[1]:.0f} ({ns[2]:.0f}) "
              f"| {drops} |", flush=True)
    source.stdin.close()
    source.wait()
PYTHON
# A session of its own is a group of its own for the scheduler, which goes first.
first='echo -20 >/proc/self/autogroup 2>/dev/null; exec nice -n -20 python3 "$0"'
setsid -w bash -c "$first" "$DIR/run.py"
