"""Records the single-topic captures on one flat network without VLAN tags.

With names of captures as arguments, only those."""
import os
import shutil
import sys

import pcapio
from net import Lab
from plan import flat_hosts
from scenes import Site

OUT, WORK = os.environ["LAB_OUT"], os.environ["LAB_WORK"] + "/topics"


def scenes(site):
    """Capture name and the scenes it records."""
    return [
        ("dicom.pcap", [lambda: site.examine("mri", "mr", f"--images 2 --user --print {site.peer('film')}"),
                        lambda: site.reading(["1.3.12.2.1107.5.2.19.41587.20260302.1"]), site.refused]),
        ("dicom-syntaxes.pcap", [site.syntaxes]),
        ("hl7.pcap", [site.messages, lambda: site.hl7("mongw", "engine", 6661, "oru-monitors")]),
        ("bedside.pcap", [site.bedside]),
        ("names.pcap", [site.boot, site.discovery]),
        ("windows.pcap", [site.shares, site.desktops]),
        ("web.pcap", [site.web]),
        ("ssh-snmp.pcap", [site.remote, site.lookups]),
    ]


def main():
    """Records them one after another."""
    shutil.rmtree(WORK, ignore_errors=True)
    lab, hosts = Lab(WORK), flat_hosts()
    site = Site(lab, hosts)
    try:
        lab.start_switch()
        for name, row in hosts.items():
            lab.add_namespace(name, row["os_kind"])
            addresses = [f"{row['ip']}/24 brd 10.20.10.255"] + ([f"{row['ip6']}/64"] if row["ip6"] else [])
            lab.add_leg(name, "eth0", row["mac"], addresses)
        site.start()
        kinds = {row["ip"]: row["os_kind"] for row in hosts.values()}
        for name, parts in scenes(site):
            if sys.argv[1:] and name not in sys.argv[1:]:
                continue
            print(name, flush=True)
            lab.record(f"{WORK}/{name}")
            for part in parts:
                part()
            lab.stop_recording()
            _, frames = pcapio.read_pcap(f"{WORK}/{name}")
            pcapio.write_pcap(f"{OUT}/{name}", pcapio.clean(frames, kinds))
    finally:
        lab.close()


if __name__ == "__main__":
    sys.exit(main())
