"""Records starts and what only looks like them: firmware (QEMU with iPXE), BusyBox udhcpc, ISC dhclient,
the kernel's IPv6, against dnsmasq, on one flat network without VLAN tags.

Each step is recorded in real time, a second or some; the pauses between them are written as minutes.
The sensor sees nothing from minute 71 to 84. What started when stands in tests/starts.rs.
"""
import os
import shutil
import signal
import sys
import time

import pcapio
from net import Lab, run

OUT, WORK = os.environ["LAB_OUT"], os.environ["LAB_WORK"] + "/starts"
# 2026-03-02T09:00:00+09:00
BEGIN = 1_772_409_600 * 10**9
MINUTE = 60 * 10**9

SERVER, ALWAYS, PLAIN, NOTEBOOK, THIN = "srv", "always", "plain", "notebook", "thin"
MACS = {SERVER: "00:0c:29:41:00:05", ALWAYS: "00:08:74:41:00:06", PLAIN: "3c:d9:2b:41:00:07",
        NOTEBOOK: "00:21:70:41:00:08", THIN: "52:54:00:41:00:09"}
DNSMASQ = """port=0
keep-in-foreground
user=root
pid-file=
interface=eth0
dhcp-range=10.20.10.100,10.20.10.150,255.255.255.0,8h
dhcp-range=fd20:10::100,fd20:10::150,64,8h
enable-ra
"""
# What both clients call when they have an address.
SCRIPT = """#!/bin/sh
address=${new_ip_address:-$ip}
[ -z "$address" ] || ip addr replace "$address/24" dev eth0
exit 0
"""


class Day:
    """The hosts, and what happens when."""

    def __init__(self, lab):
        self.lab = lab
        self.steps = []
        self.on = {ALWAYS}
        self.client = None
        self.script = None

    @staticmethod
    def put(name, text, mode=0o644):
        """Writes a file of the lab."""
        path = f"{WORK}/{name}"
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(path, mode)
        return path

    def build(self):
        """A server, three hosts and a socket for a machine without a system."""
        for name in (SERVER, ALWAYS, PLAIN, NOTEBOOK):
            self.lab.add_namespace(name)
            fixed = {SERVER: ["10.20.10.5/24", "fd20:10::5/64"], ALWAYS: ["10.20.10.6/24"]}.get(name, [])
            run(f"ip netns exec {name} sysctl -qw net.ipv6.conf.all.accept_ra=1 net.ipv6.conf.default.accept_ra=1")
            self.lab.add_leg(name, "eth0", MACS[name], fixed)
        for name in (PLAIN, NOTEBOOK):
            run(f"ip netns exec {name} ip link set eth0 down")
        run("ip tuntap add dev vm0 mode tap")
        run("sysctl -qw net.ipv6.conf.vm0.disable_ipv6=1")
        run("ip link set vm0 up")
        self.lab.vsctl("add-port core vm0")
        self.script = self.put("script", SCRIPT, 0o755)
        self.lab.spawn(SERVER, "dnsmasq -k -C " + self.put("dnsmasq.conf", DNSMASQ) +
                       f" --dhcp-leasefile={WORK}/dnsmasq.leases")
        time.sleep(4)

    def chatter(self):
        """All that are on speak with the server."""
        for name in sorted(self.on):
            self.lab.on(name, "ping -c 1 -W 1 10.20.10.5")

    def firmware(self):
        """A machine without a disk gets power, for some seconds."""
        machine = self.lab.spawn_root(
            "qemu-system-x86_64 -M pc -accel tcg -m 64 -nodefaults -display none -no-reboot -boot n "
            f"-netdev tap,id=n,ifname=vm0,script=no,downscript=no -device virtio-net-pci,netdev=n,mac={MACS[THIN]}",
            log="qemu")
        time.sleep(25)
        self.lab.stop(machine)

    def plain(self):
        """A small Linux gets power; its client asks whether the address is free (-a)."""
        self.lab.on(PLAIN, "ip link set eth0 up")
        time.sleep(0.5)
        self.client = self.lab.spawn(PLAIN, f"udhcpc -i eth0 -f -a -t 5 -p {WORK}/udhcpc.pid "
                                     f"-x hostname:plain -s {self.script}")
        time.sleep(8)
        self.on.add(PLAIN)

    def plain_off(self):
        """It loses power."""
        self.lab.stop(self.client)
        self.lab.on(PLAIN, "ip link set eth0 down; ip addr flush dev eth0")
        self.on.discard(PLAIN)

    def renew(self):
        """Its lease is renewed before its time."""
        with open(f"{WORK}/udhcpc.pid", encoding="utf-8") as number:
            os.kill(int(number.read()), signal.SIGUSR1)
        time.sleep(2)

    def notebook(self):
        """A notebook's network comes up: it asks for the address that it had, and by version 6."""
        self.lab.on(NOTEBOOK, "ip link set eth0 up")
        time.sleep(0.5)
        base = f"{WORK}/dhclient"
        self.lab.on(NOTEBOOK, f"timeout 15 dhclient -1 -q -sf {self.script} -lf {base}.leases -pf {base}.pid eth0; "
                    f"kill $(cat {base}.pid)")
        time.sleep(1.5)
        self.lab.on(NOTEBOOK, f"timeout 8 dhclient -6 -1 -q -D LL -sf /bin/true -lf {base}6.leases -pf {base}6.pid eth0; "
                    f"kill $(cat {base}6.pid)")
        self.on.add(NOTEBOOK)

    def notebook_off(self):
        """Its lid is closed, or its cable pulled."""
        self.lab.on(NOTEBOOK, "ip link set eth0 down; ip addr flush dev eth0")
        self.on.discard(NOTEBOOK)

    def plan(self):
        """Minutes, and what happens in them; pauses with a word of those that are on every three."""
        happens = {12: self.firmware, 15: self.plain, 24: self.renew, 27: self.notebook, 33: self.notebook_off,
                   38: self.notebook, 45: self.notebook_off, 60: self.notebook, 66: self.firmware, 70: self.plain_off,
                   85: self.plain}
        for minute in range(0, 97):
            if minute in happens:
                yield minute, happens[minute]
            elif minute % 3 == 0 and not 71 <= minute <= 84:
                yield minute, self.chatter

    def run(self):
        """Everything in its order."""
        for minute, act in self.plan():
            self.steps.append((time.time_ns(), minute))
            act()
            time.sleep(0.4)

    def frames(self, recorded):
        """Each frame in its step's minute."""
        for when, frame in recorded:
            begun = [step for step in self.steps if step[0] <= when]
            if begun:
                at, minute = begun[-1]
                yield BEGIN + minute * MINUTE + when - at, pcapio.pad(frame)


def main():
    """Records it."""
    shutil.rmtree(WORK, ignore_errors=True)
    lab = Lab(WORK)
    day = Day(lab)
    try:
        lab.start_switch()
        day.build()
        lab.record(f"{WORK}/starts.pcap")
        day.run()
        lab.stop_recording()
        _, recorded = pcapio.read_pcap(f"{WORK}/starts.pcap")
        pcapio.write_pcap(f"{OUT}/starts.pcap", list(day.frames(recorded)))
    finally:
        lab.close()


if __name__ == "__main__":
    sys.exit(main())
