"""Plays the morning of a small hospital and records it on the core switch's mirror."""
import os
import shutil
import sys
import time

import pcapio
import servers
from net import Lab
from plan import HOSTS, VLANS
from scenes import Site

OUT, WORK = os.environ["LAB_OUT"], os.environ["LAB_WORK"] + "/hospital"


def build(lab):
    """Switch, router, hosts."""
    lab.start_switch()
    servers.router_legs(lab)
    for name, row in HOSTS.items():
        lab.add_namespace(name, row["os_kind"])
        prefix = VLANS[row["vlan"]][0]
        addresses = [f"{row['ip']}/24 brd {prefix}.255"]
        if row["ip6"]:
            addresses.append(f"{row['ip6']}/64")
        lab.add_leg(name, "eth0", row["mac"], addresses, row["vlan"])
        lab.on(name, f"ip route add default via {prefix}.1")
        if row["ip6"]:
            lab.on(name, f"ip -6 route add default via fd20:0:0:{row['vlan']}::1")


def main():
    """Records the whole morning."""
    shutil.rmtree(WORK, ignore_errors=True)
    lab = Lab(WORK)
    site = Site(lab, HOSTS)
    try:
        build(lab)
        servers.start_relay(lab)
        site.start()
        lab.record(f"{WORK}/raw.pcap")
        for scene in (site.boot, site.discovery, site.lookups, site.imaging, site.messages, site.bedside,
                      site.shares, site.desktops, site.web, site.remote):
            print(f"scene {scene.__name__}", flush=True)
            scene()
            time.sleep(1.2)
        lab.stop_recording()
    finally:
        lab.close()
    _, frames = pcapio.read_pcap(f"{WORK}/raw.pcap")
    kinds = {row["ip"]: row["os_kind"] for row in HOSTS.values()}
    frames = pcapio.stretch(pcapio.clean(frames, kinds), 900_000_000, 60)
    pcapio.write_pcapng(f"{OUT}/hospital.pcapng", frames)
    print(len(frames), "frames", os.path.getsize(f"{OUT}/hospital.pcapng"), "bytes")


if __name__ == "__main__":
    sys.exit(main())
