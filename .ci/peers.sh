#!/usr/bin/env bash
# peers.sh DIR…: which hosts auscult and its peers name the operating system of, on the
# captures of DIR whose truth is known (docs/accuracy.md has the form of DIR/truth).
#
# p0f, prads and ndpiReader as Debian packages them, and the crate huginn-net, with the
# fingerprints that come with them. A host counts as listed when the program writes anything of its address.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- pcaps/lab
auscult=${AUSCULT:-${CARGO_TARGET_DIR:-target}/release/auscult}
[ -n "${AUSCULT:-}" ] || cargo build --release --quiet

command -v p0f >/dev/null || .ci/install.sh p0f
command -v prads >/dev/null || .ci/install.sh prads
command -v ndpiReader >/dev/null || .ci/install.sh libndpi-bin
huginn=${CARGO_TARGET_DIR:-target}/peers/release/huginn
cargo build --release --quiet --manifest-path .ci/huginn/Cargo.toml --target-dir "${huginn%/release/*}"
command -v editcap >/dev/null || .ci/install.sh wireshark-common

dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
n=0
for folder in "$@"; do
  for truth in "$folder"/truth/*.json; do
    # The capture lies below the folder, or below one that the folder is in.
    capture=$(python3 - "$folder" "$truth" <<'PYTHON'
import json, pathlib, sys
folder, name = pathlib.Path(sys.argv[1]).resolve(), json.load(open(sys.argv[2]))["capture"]
places = [above / name for above in (folder, *folder.parents)] + [folder / pathlib.Path(name).name]
print(next((str(p) for p in places if p.is_file()), ""))
PYTHON
)
    [ -n "$capture" ] || continue
    n=$((n + 1)); out=$dir/$n; mkdir "$out"
    cp "$truth" "$out/truth.json"
    "$auscult" --db "$out/auscult.db" -q read "$capture" >/dev/null 2>&1 || true
    "$auscult" --db "$out/auscult.db" -q register --format json >"$out/auscult.json" 2>/dev/null || true
    # The peers read plain pcap only; what cannot be turned into it they do not see.
    editcap -F pcap "$capture" "$out/plain.pcap" >/dev/null 2>&1 || continue
    # p0f takes the place of the IP header from the first frame: give it IP without tags.
    python3 - "$out/plain.pcap" "$out/untagged.pcap" <<'PYTHON'
import struct, sys
data = open(sys.argv[1], "rb").read()
order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
ethernet = struct.unpack(order + "I", data[20:24])[0] & 0xffff == 1
at, out = 24, [data[:24]]
while at + 16 <= len(data):
    head = struct.unpack(order + "4I", data[at:at + 16])
    frame = data[at + 16:at + 16 + head[2]]
    at += 16 + head[2]
    if ethernet:
        while frame[12:14] in (b"\x81\x00", b"\x88\xa8"):
            frame = frame[:12] + frame[16:]
        if frame[12:14] not in (b"\x08\x00", b"\x86\xdd"):
            continue
    out.append(struct.pack(order + "4I", head[0], head[1], len(frame), len(frame)) + frame)
open(sys.argv[2], "wb").write(b"".join(out))
PYTHON
    timeout 120 p0f -r "$out/untagged.pcap" -o "$out/p0f.log" >/dev/null 2>&1 || true
    timeout 120 prads -r "$out/plain.pcap" -l "$out/prads.log" -a 0.0.0.0/0 -U root >/dev/null 2>&1 || true
    timeout 120 ndpiReader -i "$out/plain.pcap" -v 2 >"$out/ndpi.txt" 2>/dev/null || true
    timeout 120 "$huginn" "$out/untagged.pcap" >"$out/huginn.tsv" 2>/dev/null || true
    rm -f "$out"/*.pcap "$out"/auscult.db*
  done
done

python3 - "$dir" <<'PYTHON'
import collections, json, pathlib, re, sys

FAMILIES = [("windows", "windows"), ("mac os", "apple"), ("macos", "apple"), ("os x", "apple"),
            ("ios", "apple"), ("ipados", "apple"), ("apple", "apple"), ("android", "android"),
            ("linux", "linux"), ("debian", "linux"), ("ubuntu", "linux"), ("centos", "linux"),
            ("red hat", "linux"), ("fedora", "linux"), ("suse", "linux"), ("raspbian", "linux"),
            ("alpine", "linux"), ("openwrt", "linux"), ("bsd", "bsd"), ("solaris", "solaris")]
WINDOWS = r"(?:windows |nt |server |^)?(?:server )?(2000|2003|2008|2012|2016|2019|2022|2025|xp|vista|7|8\.1|8|10|11)(?: r2)?\b"

def family(text):
    text = " " + text.lower()
    return next((f for word, f in FAMILIES if " " + word in text), None)

def products(text):
    """Releases of Windows that a text may mean; an empty set says nothing exact."""
    text = text.lower().replace("(", " ").replace(")", " ")
    if "windows" not in text:
        return set()
    text = text.split("windows", 1)[1]
    parts = re.split(r" or |/|,", text)
    return {m[1] for p in parts if (m := re.match(r"\s*" + WINDOWS, p.strip()))}

def peers(out):
    """By program: what it says of each address."""
    said = {name: collections.defaultdict(set) for name in ("auscult", "p0f", "huginn-net", "prads", "ndpiReader")}
    def text(name):
        path = out / name
        return path.read_text(errors="replace") if path.exists() else ""
    register = json.loads(text("auscult.json") or "[]")
    for asset in register if isinstance(register, list) else register.get("assets", []):
        for ip in filter(None, str(asset.get("ip_addresses") or "").split("; ")):
            said["auscult"][ip].add(asset.get("os_name") or "")
    for line in text("p0f.log").splitlines():
        # Only what a host sends says what it runs: subj names the end that is meant.
        fields = dict(part.split("=", 1) for part in line.split("] ", 1)[-1].split("|") if "=" in part)
        ends = {end: fields.get(end, "").rsplit("/", 1)[0] for end in ("cli", "srv")}
        for ip in filter(None, ends.values()):
            said["p0f"][ip].add("")
        system = fields.get("os", "???")
        if system != "???" and fields.get("subj") in ends:
            said["p0f"][ends[fields["subj"]]].add(system)
    for line in text("huginn.tsv").splitlines():
        ip, system = line.split("\t", 1)
        said["huginn-net"][ip].add(system.strip())
    for line in text("prads.log").splitlines()[1:]:
        parts = line.split(",", 5)
        if len(parts) < 6:
            continue
        said["prads"][parts[0]].add("")
        # SYN and SYN-ACK name a system; what other packets match is far less sure.
        if parts[4] in ("SYN", "SYNACK"):
            fields = parts[5].split(":")
            link = fields.index("link") if "link" in fields else 0
            if link >= 2 and family(fields[link - 2]):
                said["prads"][parts[0]].add(" ".join(fields[link - 2:link]))
    for a, b in re.findall(r"(?:TCP|UDP|ICMP\w*|\d+) \[?([0-9a-fA-F.:]+?)\]?(?::\d+)? (?:<?->) \[?([0-9a-fA-F.:]+?)\]?(?::\d+)? ", text("ndpi.txt")):
        said["ndpiReader"][a].add("")
        said["ndpiReader"][b].add("")
    for ip, system in re.findall(r"([0-9.]+):\d+ <?-> .*\[Detected OS: ([^\]]+)\]", text("ndpi.txt")):
        said["ndpiReader"][ip].add(system)
    return said

rows = collections.defaultdict(collections.Counter)
captures = hosts = systems = exact = 0
for out in sorted(pathlib.Path(sys.argv[1]).iterdir(), key=lambda p: int(p.name)):
    truth = json.loads((out / "truth.json").read_text())
    captures += 1
    said = peers(out)
    for host in truth["hosts"]:
        ip, facts = host.get("ip"), host.get("facts", {})
        if not ip:
            continue
        hosts += 1
        words = facts.get("os_family") or facts.get("os") or ""
        is_family, is_product = family(words), products(facts.get("os") or "")
        systems += bool(is_family)
        exact += bool(is_product)
        for name, all in said.items():
            row, claims = rows[name], {claim for claim in all.get(ip, ()) if claim}
            row["listed"] += ip in all
            if is_family and claims:
                # Several answers for one host are right only when all agree.
                right = {family(claim) for claim in claims} == {is_family}
                row["family right" if right else "family wrong"] += 1
            named = set().union(*(products(claim) for claim in claims)) if claims else set()
            if is_product and named:
                kind = "right" if named <= is_product else "vague" if named & is_product else "wrong"
                row["release " + kind] += 1
print(f"{captures} captures, {hosts} hosts with an address, of {systems} the system is known, of {exact} the release of Windows\n")
print(f"{'program':<12}{'listed':>8}{'family right':>14}{'wrong':>7}{'none':>6}{'release right':>15}{'vague':>7}{'wrong':>7}{'none':>6}")
for name, row in rows.items():
    none = systems - row["family right"] - row["family wrong"]
    without = exact - sum(row["release " + kind] for kind in ("right", "vague", "wrong"))
    print(f"{name:<12}{row['listed']:>8}{row['family right']:>14}{row['family wrong']:>7}{none:>6}"
          f"{row['release right']:>15}{row['release vague']:>7}{row['release wrong']:>7}{without:>6}")
PYTHON
