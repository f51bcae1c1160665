"""Rooms of network gear and plant: neighbours, routes, bundled links, clocks, names over TCP, controllers.

What no software here can speak is made from documented bytes (gear_player.py).
"""
import os
import time

import canaries
from net import run
from rooms_network import Network
from rooms_plan import DOMAIN
from servers import HERE, PYTHON

ACCOUNTS = canaries.ACCOUNTS


class Gear(Network):
    """Scenes; a part of Rooms."""

    def start_gear(self):
        """Names, a clock that touches no other, a controller of access points, a lift, and a station."""
        conf = self.put("dnsmasq.conf", "no-resolv\nno-hosts\nkeep-in-foreground\nuser=root\npid-file=\nbind-interfaces\n"
                        f"interface=eth0\nlocal=/{DOMAIN}/\n"
                        + "".join(f"host-record={name}.gear.{DOMAIN},{row['ip']}\n" for name, row in self.hosts.items())
                        + f"txt-record=long.{DOMAIN},{','.join(['x' * 180] * 5)}\n")
        self.lab.spawn("names", f"dnsmasq -k -C {conf}")
        os.makedirs("/run/ntpsec", exist_ok=True)
        conf = self.put("ntp.conf", "disable ntp\ntos orphan 8\ntos orphanwait 1\nrestrict default\n"
                                    "restrict 10.20.60.0 mask 255.255.255.0\n")
        self.lab.spawn("clock", f"setpriv --bounding-set -sys_time --inh-caps -sys_time ntpd -n -g -c {conf} "
                                f"-f {self.lab.work}/ntp.drift -p {self.lab.work}/ntp.pid")
        self.serve("wlc", f"gear_player.py capwap-controller {self.hosts['wlc']['says']}")
        self.lab.spawn("lift", f"{PYTHON} -m cpppo.server.enip --no-config SCADA=INT[10]")
        self.lab.wait_port("lift", 44818)
        time.sleep(10)

    def bundle(self):
        """Two links that are one, between a file server and a switch: each a bridge of its own, whose links cross the
        lab's switch in a VLAN each. Who looks at the mirror sees no tag."""
        self.lab.vsctl("set port mir0 vlan_mode=access tag=4000")
        for name in ("nas", "sw4"):
            mac = self.hosts[name]["mac"]
            self.lab.vsctl(f"add-br {name} -- set bridge {name} datapath_type=netdev other_config:hwaddr={mac}")
            for number in (1, 2):
                inside, outside = f"{name}-{number}", f"core-{name}-{number}"
                run(f"ip link add {inside} type veth peer name {outside}")
                run(f"ip link set {inside} address {mac[:-1]}{int(mac[-1], 16) + number - 1:x}")
                for device in (inside, outside):
                    run(f"sysctl -qw net.ipv6.conf.{device}.disable_ipv6=1")
                    run(f"ip link set {device} up")
                self.lab.vsctl(f"add-port core {outside} tag={900 + number}")
            self.lab.vsctl(f"add-bond {name} {name}-links {name}-1 {name}-2 lacp=active bond_mode=balance-slb")
        time.sleep(3)

    def unbundle(self):
        """Takes both away."""
        for name in ("nas", "sw4"):
            self.lab.vsctl(f"del-br {name}")
        self.lab.vsctl("remove port mir0 tag 4000 -- clear port mir0 vlan_mode")

    def eigrp(self, name):
        """FRRouting with one autonomous system."""
        self.put(f"frr-{name}/zebra.conf", f"hostname {name}\n")
        self.put(f"frr-{name}/eigrpd.conf", f"hostname {name}\nrouter eigrp 60\n eigrp router-id {self.ip(name)}\n"
                 " network 10.20.60.0/24\n")
        self.frr(name, "zebra", "eigrpd")

    def gear(self):
        """Everything once."""
        self.bundle()
        for name in ("r3", "r4"):
            self.eigrp(name)
        for name, state in (("r3", "active"), ("r4", "standby")):
            self.play(name, f"gear_player.py hsrp {self.ip(name)} {self.hosts[name]['mac']} 10.20.60.1 {state}")
        base = f"{self.lab.work}/lldpd"
        self.put("lldpd/empty", "")
        conf = self.put("lldpd/lldpd.conf", """configure system hostname sw-3w-02
configure system description "Cisco IOS Software, C2960X Software (C2960X-UNIVERSALK9-M), Version 15.2(7)E3, RELEASE SOFTWARE (fc3)"
configure system platform "cisco WS-C2960X-48FPD-L"
configure system interface pattern eth0
configure system capabilities enabled bridge
configure lldp portidsubtype local Gi1/0/48
configure lldp tx-interval 10
""")
        self.lab.spawn("sw3", f"lldpd -d -ll -ccc -I eth0 -u {base}/socket -O {conf}",
                       shell="mount -t tmpfs tmpfs /run; mkdir -p /run/lldpd /var/run/lldpd")
        self.play("ap", f"gear_player.py capwap-point {self.ip('wlc')} {self.hosts['ap']['says']}")
        server = self.ip("names")
        self.lab.on("nms", f"dig +tcp +short lift.gear.{DOMAIN} @{server}; dig +tcp +short {ACCOUNTS['dns_name']}.gear.{DOMAIN} "
                           f"@{server}; dig +noedns +short TXT long.{DOMAIN} @{server} | wc -c; dig +tcp +short -x {self.ip('ahu')} @{server}")
        clock = self.ip("clock")
        self.lab.on("nms", f"ntpdig {clock}; ntpq -c rv -c peers {clock}; true")
        self.lab.on("bms", f"timeout 20 {PYTHON} -m cpppo.server.enip.client --udp -a {self.ip('lift')} --list-identity")
        self.lab.spawn("ahu", f"{PYTHON} {HERE}/gear_player.py profinet-station {self.hosts['ahu']['says']} {self.ip('ahu')}")
        time.sleep(3)
        self.play("bms", f"gear_player.py profinet-ask {self.ip('bms')}")
        self.unbundle()
