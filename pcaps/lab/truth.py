"""Writes truth/*.json: what a correct sensor says about each host, with evidence.

Usage: truth.py DIRECTORY. Evidence frames come from tshark, for the host's own
packets only, and only where its MAC is seen (not the routed copy).
"""
import hashlib
import json
import os
import re
import subprocess
import sys

import topic_facts
from plan import HOSTS, ROUTER_MAC, VLANS, flat_hosts
from rooms_plan import ROOMS


ELEMENT = re.compile(r"^ +(\([0-9a-f]{4},[0-9a-f]{4}\)) +\d+ \S.*? {2,}(?:\[[A-Z]{2}\] )?(\S.*)$")


def shorten(field, value):
    """Of an HL7 segment only the sender (MSH-3, MSH-4) goes into the truth."""
    return "|".join(value.split("|")[2:4]) if field == "hl7.segment" else value.strip()


def tshark(path, display, fields):
    """Rows of fields for a display filter."""
    command = ["tshark", "-r", path, "-d", "tcp.port==6661,hl7", "-Y", display, "-T", "fields", "-E", "separator=/t", "-E",
               "occurrence=f"]
    for field in fields:
        command += ["-e", field]
    text = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout
    return [line.split("\t") for line in text.decode("utf-8", "replace").splitlines()]


def dicom_elements(path):
    """Rows (frame, MAC, value, "(gggg,eeee)") of string elements in data sets."""
    text = subprocess.run(["tshark", "-r", path, "-Y", "dicom", "-V"], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=False).stdout.decode("utf-8", "replace")
    rows, frame, mac = [], "0", ""
    for line in text.splitlines():
        if line.startswith("Frame "):
            frame = line.split()[1].rstrip(":")
        elif line.startswith("    Source: ") and "(" in line and not mac.startswith(frame):
            mac = frame + " " + line.rsplit("(", 1)[1].rstrip(")")
        found = ELEMENT.match(line)
        if found:
            rows.append((frame, mac.split()[-1], found.group(2), found.group(1)))
    return rows


def evidence(path, pairs, match, quiet=False):
    """Resolves (filter, field) pairs to the first frame of each host.

    `match` maps a MAC to a list of pairs; one tshark run serves all hosts.
    """
    found = {mac: [] for mac in match}
    elements = dicom_elements(path)
    for display, field in pairs:
        if display == "dicom element":
            rows = [row for row in elements if row[3] == field]
        else:
            rows = tshark(path, display, ["frame.number", "eth.src", field])
        for mac, wanted in match.items():
            if (display, field) not in wanted:
                continue
            for row in rows:
                if len(row) >= 3 and row[1] == mac and row[2].strip():
                    found[mac].append({"frame": int(row[0]), "field": field, "value": shorten(field, row[2])})
                    break
            else:
                if quiet:
                    continue
                print(f"no evidence: {mac} {display} {field}")
    return found


def hospital(directory):
    """Truth of hospital.pcapng."""
    path = f"{directory}/hospital.pcapng"
    match = {row["mac"]: row["evidence"] for row in HOSTS.values()}
    pairs = sorted({pair for pairs in match.values() for pair in pairs})
    found = evidence(path, pairs, match)
    hosts = []
    for row in HOSTS.values():
        hosts.append({"mac": row["mac"], "ip": row["ip"], "vlan": row["vlan"], "facts": row["facts"],
                      "must_not_conclude": row["traps"], "evidence": found[row["mac"]]})
    for vlan, (prefix, name) in VLANS.items():
        hosts.append({"mac": ROUTER_MAC, "ip": f"{prefix}.1", "vlan": vlan, "facts": {
            "role": "router", "device_type": "router", "note": f"gateway of the {name}; DHCP relay"
            if vlan != 10 else f"gateway of the {name}"},
            "must_not_conclude": ["that hosts behind it are Cisco devices",
                                  "DICOM, HL7 or Windows facts of routed packets"], "evidence": []})
    write(directory, "hospital.pcapng", hosts, [
        "IPs of hosts are seen in two VLANs: behind their own MAC, and behind the router's.",
        "Windows hosts are Linux stacks made to look like Windows; see pcaps/README.md."])


def topic(directory, name):
    """Truth of one small capture: the hosts and facts that it can show."""
    path, wanted = f"{directory}/{name}", topic_facts.TOPICS[name]
    table = HOSTS if name == "dhcp-relay.pcap" else flat_hosts()
    match = {table[key]["mac"]: table[key]["evidence"] for key in wanted}
    pairs = sorted({pair for some in match.values() for pair in some})
    found = evidence(path, pairs, match, quiet=True)
    hosts = []
    for key, keys in wanted.items():
        row = table[key]
        facts = {fact: row["facts"][fact] for fact in keys if fact in row["facts"]}
        facts.update(topic_facts.CHANGED.get((name, key), {}))
        hosts.append({"mac": row["mac"], "ip": row["ip"], "vlan": None, "facts": facts,
                      "must_not_conclude": row["traps"], "evidence": found[row["mac"]]})
    write(directory, name, hosts, topic_facts.NOTES.get(name, []))


def room(directory, name):
    """Truth of one capture of the rooms: all that its hosts are."""
    rows = ROOMS[name].values()
    match = {row["mac"]: row["evidence"] for row in rows}
    pairs = sorted({pair for some in match.values() for pair in some})
    found = evidence(f"{directory}/{name}", pairs, match)
    write(directory, name, [{"mac": row["mac"], "ip": row["ip"], "vlan": None, "facts": row["facts"],
                             "must_not_conclude": row["traps"], "evidence": found[row["mac"]]} for row in rows],
          ["A host is what its software is told to be; see pcaps/README.md."])


def write(directory, name, hosts, notes):
    """Writes one truth file."""
    path = f"{directory}/{name}"
    with open(path, "rb") as capture:
        digest = hashlib.sha256(capture.read()).hexdigest()
    packets = len(tshark(path, "frame", ["frame.number"]))
    os.makedirs(f"{directory}/truth", exist_ok=True)
    with open(f"{directory}/truth/{name}.json", "w", encoding="utf-8") as out:
        json.dump({"capture": f"pcaps/lab/{name}", "source": "own lab", "licence": "same as the project",
                   "sha256": digest, "packets": packets, "kind": "lab", "notes": notes, "hosts": hosts},
                  out, indent=1, ensure_ascii=False)
        out.write("\n")


def main():
    """Writes all truth files of captures that exist."""
    directory = sys.argv[1]
    if os.path.exists(f"{directory}/hospital.pcapng"):
        hospital(directory)
    for name in topic_facts.TOPICS:
        if os.path.exists(f"{directory}/{name}"):
            topic(directory, name)
    for name in ROOMS:
        if os.path.exists(f"{directory}/{name}"):
            room(directory, name)


if __name__ == "__main__":
    main()
