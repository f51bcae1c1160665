"""Plays network gear and plant that no software here can speak for: HSRP and PROFINET DCP with Scapy's layers,
CAPWAP from the bytes of RFC 5415; and asks PROFINET stations with pnio-dcp.

Usage: gear_player.py WORD [arguments]; the words are at the end. Servers run until they are ended.
"""
import socket
import struct
import sys
import time

import canaries

TEXTS, ACCOUNTS = canaries.TEXTS, canaries.ACCOUNTS


# --- HSRP ------------------------------------------------------------------------
def hsrp(address, mac, virtual, state):
    """Two hellos of a router that shares a gateway's address, in both versions, with a password that all can read."""
    from scapy.layers.hsrp import HSRP, HSRPv2, HSRPv2TextAuth
    password, active = ACCOUNTS["hsrp_pass"].encode(), state == "active"
    first = HSRP(state=16 if active else 8, group=60, virtualIP=virtual, auth=password)
    second = HSRPv2(len=40, opcode=0, state=6 if active else 5, ipVer=4, group=260, identifier=mac,
                    virtualIP=virtual) / HSRPv2TextAuth(auth=password)
    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    link.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
    link.bind((address, 1985))
    for _ in range(2):
        link.sendto(bytes(first), ("224.0.0.2", 1985))
        link.sendto(bytes(second), ("224.0.0.102", 1985))
        time.sleep(0.3)


# --- PROFINET DCP ----------------------------------------------------------------------
def profinet_station(name, kind, vendor, device, role, address):
    """Says hello, then answers who asks for all stations."""
    from scapy.all import Ether, get_if_hwaddr, sendp, sniff
    mac = get_if_hwaddr("eth0")
    ip = socket.inet_aton(address) + socket.inet_aton("255.255.255.0") + bytes(4)
    blocks = b""
    for option, sub, value in ((2, 1, kind.encode()), (2, 2, name.encode()), (2, 3, bytes.fromhex(vendor + device)),
                               (2, 4, bytes([int(role), 0])), (1, 2, ip)):
        block = b"\0\0" + value
        blocks += struct.pack("!BBH", option, sub, len(block)) + block + b"\0" * (len(block) % 2)

    def frame(frame_id, service, to, number=b"\0\0\0\1"):
        data = frame_id + service + number + b"\0\0" + struct.pack("!H", len(blocks)) + blocks
        sendp(Ether(src=mac, dst=to, type=0x8892) / data, iface="eth0", verbose=False)

    def asked(question):
        data = bytes(question.payload)
        if data[:4] == bytes.fromhex("fefe0500"):
            frame(bytes.fromhex("feff"), bytes.fromhex("0501"), question.src, data[4:8])
        elif data[:4] == bytes.fromhex("fefd0300") and question.dst == mac:
            frame(bytes.fromhex("fefd"), bytes.fromhex("0301"), question.src, data[4:8])

    frame(bytes.fromhex("fefc"), bytes.fromhex("0600"), "01:0e:cf:00:00:01")
    sniff(iface="eth0", filter="ether proto 0x8892", prn=lambda it: asked(it) if it.src != mac else None, store=False)


def profinet_ask(address):
    """pnio-dcp looks for all stations and asks one for its name."""
    from pnio_dcp import DCP
    dcp = DCP(address)
    found = dcp.identify_all(timeout=2)
    for station in found:
        print(station)
    if found:
        print(dcp.get_name_of_station(found[0].MAC))


# --- CAPWAP ------------------------------------------------------------------------------
def element(kind, value):
    """A message element, or an item inside one."""
    return struct.pack("!HH", kind, len(value)) + value


def capwap_message(kind, number, elements):
    """A control message without encryption."""
    head = bytes([0, 2 << 3, 0x42, 0, 0, 0, 0, 0])
    return head + struct.pack("!IBHB", kind, number, len(elements) + 3, 0) + elements


def capwap_point(controller, vendor, model, serial, mac, hardware, software, name):
    """An access point looks for its controller; what would follow is encrypted."""
    maker = struct.pack("!I", int(vendor))
    board = maker + element(0, model.encode()) + element(1, serial.encode()) + element(4, bytes.fromhex(mac))
    about = bytes([2, 2, 1, 1, 0, 7]) + maker + element(0, hardware.encode()) + maker + element(1, software.encode())
    elements = (element(20, b"\1") + element(38, board) + element(39, about) + element(41, b"\4") + element(44, b"\2")
                + element(28, TEXTS["capwap_place"].encode()) + element(45, name.encode()))
    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    link.settimeout(2)
    link.sendto(capwap_message(1, 1, elements), (controller, 5246))
    print(link.recv(1500))


def capwap_controller(vendor, hardware, software, name):
    """Answers access points."""
    maker = struct.pack("!I", int(vendor))
    about = struct.pack("!HHHHBBBB", 3, 200, 1, 64, 4, 1, 0, 4) + maker + element(4, hardware.encode()) + maker + element(
        5, software.encode())
    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    link.bind(("", 5246))
    while True:
        data, peer = link.recvfrom(1500)
        if data[:1] == b"\0" and struct.unpack("!I", data[8:12])[0] in (1, 19):
            link.sendto(capwap_message(data[11] + 1, data[12], element(1, about) + element(4, name.encode())), peer)


WORDS = {"hsrp": hsrp, "profinet-station": profinet_station, "profinet-ask": profinet_ask, "capwap-point": capwap_point,
         "capwap-controller": capwap_controller}

if __name__ == "__main__":
    words, sys.argv = sys.argv[1:], sys.argv[:1]
    WORDS[words[0]](*words[1:])
