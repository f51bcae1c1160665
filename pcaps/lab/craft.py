"""Makes captures by rewriting recorded ones: tunnels, fragments, other link types, loss.

Usage: craft.py DIRECTORY. Every byte comes from the lab's own recordings or from here.
"""
import gzip
import random
import struct
import subprocess
import sys

from scapy.layers.inet import IP, TCP, UDP, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment
from scapy.layers.l2 import Ether
from scapy.packet import Raw

import hl7_messages
import pcapio
from pcapio import checksum

MAC_A, MAC_B = bytes.fromhex("00505600aa01"), bytes.fromhex("00505600aa02")
SNMP_PORT, START = 161, 1_772_000_000_000_000_000


def flow(frames, port, skip=0):
    """Frames of the first TCP connection to `port` (after `skip` others)."""
    seen = []
    for _, frame in frames:
        if frame[12:14] == b"\x08\x00" and frame[23] == 6:
            source, target = struct.unpack_from("!HH", frame, 34)
            if target == port and frame[47] & 0x12 == 0x02 and source not in seen:
                seen.append(source)
    client = seen[skip]
    return [(when, frame) for when, frame in frames if frame[12:14] == b"\x08\x00" and frame[23] == 6
            and set(struct.unpack_from("!HH", frame, 34)) == {client, port}]


def trimmed(frame):
    """Frame without Ethernet padding."""
    return frame[:14 + struct.unpack_from("!H", frame, 16)[0]] if frame[12:14] == b"\x08\x00" else frame


# --- tunnels --------------------------------------------------------------------
def outer(payload, protocol, number):
    """Ethernet and IPv4 around a tunnel payload."""
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), number & 0xFFFF, 0, 64, protocol, 0,
                       bytes([10, 99, 0, 1]), bytes([10, 99, 0, 2]))
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return MAC_B + MAC_A + b"\x08\x00" + head + payload


def udp(payload, port, number):
    """UDP datagram to a tunnel port, without checksum as VXLAN allows."""
    return outer(struct.pack("!HHHH", 49152 + number % 1000, port, 8 + len(payload), 0) + payload, 17, number)


TUNNELS = {
    "gre": lambda f, n: outer(b"\0\0\x08\x00" + f[14:], 47, n),
    "gre-teb": lambda f, n: outer(b"\x20\0\x65\x58" + struct.pack("!I", 77) + f, 47, n),
    "erspan2": lambda f, n: outer(struct.pack("!HHI", 0x1000, 0x88BE, n)
                                  + struct.pack("!HHI", 0x1000 | 20, 101, 5) + f, 47, n),
    "erspan3": lambda f, n: outer(struct.pack("!HHI", 0x1000, 0x22EB, n)
                                  + struct.pack("!HHIHH", 0x2000 | 20, 102, 1000 + n, 0, 0x0002) + f, 47, n),
    "vxlan": lambda f, n: udp(b"\x08\0\0\0" + struct.pack("!I", 4242 << 8) + f, 4789, n),
    "geneve": lambda f, n: udp(b"\x02\0\x65\x58" + struct.pack("!I", 4243 << 8)
                               + bytes.fromhex("0102800100000001") + f, 6081, n),
    "qinq": lambda f, n: f[:12] + bytes.fromhex("88a80064") + bytes.fromhex("81000014") + f[12:],
    "mpls": lambda f, n: f[:12] + b"\x88\x47" + struct.pack("!I", 18 << 12 | 1 << 8 | 64) + f[14:],
}


def tunnels(directory, web, dicom):
    """The same HTTP and DICOM exchange in each tunnel, at different times."""
    inner = flow(web, 80) + flow(dicom, 104)
    out, number = [], 0
    for index, wrap in enumerate(TUNNELS.values()):
        for step, (_, frame) in enumerate(inner):
            number += 1
            out.append((START + index * 60 * 10**9 + step * 10**6, pcapio.pad(wrap(trimmed(frame), number))))
    pcapio.write_pcap(f"{directory}/tunnels.pcap", out)


# --- fragments --------------------------------------------------------------------
def fragments(directory):
    """Fragmented IPv4 and IPv6: in order, reversed, doubled, overlapping, lost."""
    out = []

    def add(packets):
        for packet in packets:
            frame = bytes(Ether(src="00:50:56:00:aa:01", dst="00:50:56:00:aa:02") / packet)
            out.append((START + len(out) * 2_000_000, pcapio.pad(frame)))

    message = hl7_messages.MESSAGES["oru-monitors"]()
    four = IP(src="10.77.0.1", dst="10.77.0.2")
    for case, number in (("order", 101), ("reverse", 102), ("double", 103), ("lost", 104)):
        sport = 40000 + number
        add([four / TCP(sport=sport, dport=6661, flags="S", seq=999)])
        add([IP(src="10.77.0.2", dst="10.77.0.1") / TCP(sport=6661, dport=sport, flags="SA", seq=4999, ack=1000)])
        packet = IP(src="10.77.0.1", dst="10.77.0.2", id=number) / TCP(
            sport=sport, dport=6661, flags="PA", seq=1000, ack=5000) / Raw(message)
        parts = fragment(packet, 512)
        if case == "reverse":
            parts.reverse()
        elif case == "double":
            parts = [part for part in parts for _ in (0, 1)]
        elif case == "lost":
            del parts[1]
        add(parts)
        add([four / TCP(sport=sport, dport=6661, flags="R", seq=1000 + len(message))])
    # Overlap: the second fragment of a UDP datagram comes twice with different bytes.
    packet = IP(src="10.77.0.1", dst="10.77.0.2", id=105, proto=17)
    whole = bytes(UDP(sport=SNMP_PORT, dport=50000, len=8 + 64, chksum=0)) + b"A" * 64
    for start, end, more, fill in ((0, 32, 1, None), (24, 56, 1, b"B"), (32, 64, 1, None), (64, 72, 0, None)):
        body = whole[start:end] if fill is None else fill * (end - start)
        add([IP(src=packet.src, dst=packet.dst, id=105, proto=17, frag=start // 8, flags=more) / Raw(body)])
    # Teardrop: the second fragment ends inside the first; then a tiny first fragment.
    add([IP(src=packet.src, dst=packet.dst, id=106, proto=17, frag=0, flags=1) / Raw(whole[:40]),
         IP(src=packet.src, dst=packet.dst, id=106, proto=17, frag=3, flags=0) / Raw(b"C" * 4)])
    add([IP(src=packet.src, dst=packet.dst, id=107, proto=6, frag=0, flags=1) / Raw(b"\x9c\x40\x1a\x05\0\0\x03\xe8"),
         IP(src=packet.src, dst=packet.dst, id=107, proto=6, frag=1, flags=0) / Raw(b"\0" * 12)])
    # Past the end of the largest datagram.
    add([IP(src=packet.src, dst=packet.dst, id=108, proto=17, frag=8189, flags=0) / Raw(b"D" * 64)])
    base = IPv6(src="fd20:0:0:77::1", dst="fd20:0:0:77::2")
    for order, number in ((1, 0x60001), (-1, 0x60002)):
        payload = bytes(base / UDP(sport=SNMP_PORT, dport=50001) / Raw(b"E" * 1200))[40:]
        parts = []
        for at in range(0, len(payload), 496):
            piece = payload[at:at + 496]
            parts.append(base / IPv6ExtHdrFragment(nh=17, offset=at // 8, m=int(at + 496 < len(payload)),
                                                   id=number) / Raw(piece))
        add(parts[::order])
    add([base / IPv6ExtHdrFragment(nh=17, offset=0, m=1, id=0x60003) / Raw(b"F" * 64),
         base / IPv6ExtHdrFragment(nh=17, offset=4, m=0, id=0x60003) / Raw(b"G" * 64),
         base / IPv6ExtHdrFragment(nh=17, offset=0, m=0, id=0x60004) / Raw(
             bytes(UDP(sport=53, dport=50002, len=12, chksum=0)) + b"atom")])
    pcapio.write_pcap(f"{directory}/fragments.pcap", out)


# --- other link types -----------------------------------------------------------------
def cooked(frame):
    """Linux cooked header, version 1."""
    kind = 4 if frame[0] & 1 == 0 else 1
    return struct.pack("!HHH6s2x", kind, 1, 6, frame[6:12]) + frame[12:]


def cooked2(frame):
    """Linux cooked header, version 2."""
    kind = 4 if frame[0] & 1 == 0 else 1
    return frame[12:14] + struct.pack("!HIHBB6s2x", 0, 3, 1, kind, 6, frame[6:12]) + frame[14:]


def doubled(frames):
    """A mirror of ingress and egress: every frame twice, about 10 microseconds apart."""
    dice = random.Random(7)
    out = [row for when, frame in frames
           for row in ((when, frame), (when + dice.randrange(8, 13) * 1000, frame))]
    return sorted(out, key=lambda row: row[0])


def midstream(frames, cut=9):
    """Recording that starts late: the first frames of every TCP connection are missing."""
    seen, out = {}, []
    for when, frame in frames:
        if frame[12:14] == b"\x08\x00" and frame[23] == 6:
            key = frozenset((frame[26:30] + frame[34:36], frame[30:34] + frame[36:38]))
            seen[key] = seen.get(key, 0) + 1
            if seen[key] <= cut:
                continue
        out.append((when, frame))
    return out


def is_ip(frame):
    """True for IPv4 and IPv6 frames without tag."""
    return frame[12:14] in (b"\x08\x00", b"\x86\xdd")


def lossy(frames, seed=41):
    """Drops 3 %, doubles 2 % and swaps 3 % of the frames."""
    dice, out = random.Random(seed), []
    for when, frame in frames:
        roll = dice.random()
        if roll < 0.03:
            continue
        out.append((when, frame))
        if roll > 0.98:
            out.append((when + 11_000, frame))
        elif roll > 0.95 and len(out) > 1:
            out[-1], out[-2] = (out[-2][0], out[-1][1]), (out[-1][0], out[-2][1])
    return out


# --- pcapng -------------------------------------------------------------------------
def big_endian_section(frames):
    """A second section in the other byte order, one interface in nanoseconds."""
    def turned(kind, body):
        total = 12 + len(body)
        return struct.pack(">II", kind, total) + body + struct.pack(">I", total)

    out = turned(0x0A0D0D0A, struct.pack(">IHHq", 0x1A2B3C4D, 1, 0, -1))
    out += turned(1, struct.pack(">HHI", 1, 0, 0) + struct.pack(">HHB3xHH", 9, 1, 9, 0, 0))
    for when, frame in frames:
        head = struct.pack(">IIIII", 0, when >> 32, when & 0xFFFFFFFF, len(frame), len(frame))
        out += turned(6, head + frame + b"\0" * (-len(frame) % 4))
    return out


def multi_interface(directory, names, hl7, web):
    """Four interfaces of three link types and resolutions, options, odd blocks, two sections."""
    with open(f"{directory}/multi-if.pcapng", "wb") as out:
        out.write(pcapio.section([(1, b"several interfaces"), (2, b"lab"), (4, b"auscult lab")]))
        out.write(pcapio.interface(1, "eth-ns", "Ethernet in nanoseconds", 9, [(8, struct.pack("<Q", 10**10))]))
        out.write(pcapio.interface(113, "any", "Linux cooked", 6))
        out.write(pcapio.interface(101, "tun0", "raw IP", 3))
        # Power-of-two resolution (2^-20 s) with an offset of one hour
        out.write(pcapio.block(1, struct.pack("<HHI", 1, 0, 0) + pcapio.end_options(
            [(2, b"eth-bin"), (9, b"\x94"), (14, struct.pack("<q", 3600))])))
        out.write(pcapio.block(0x00000BAD, struct.pack("<I", 32473) + b"custom block of no use  "))
        for index, (when, frame) in enumerate(names[:60]):
            more = [(1, b"a packet comment"), (2, struct.pack("<I", 1))] if index % 7 == 0 else []
            out.write(pcapio.packet(0, when + 123, frame, 9, more))
        for when, frame in [row for row in hl7 if is_ip(row[1])]:
            out.write(pcapio.packet(1, when, cooked(frame), 6))
        for when, frame in [row for row in web if is_ip(row[1])][:40]:
            out.write(pcapio.packet(2, when, trimmed(frame)[14:], 3))
        for when, frame in web[40:80]:
            ticks = (when - 3600 * 10**9) * 2**20 // 10**9
            body = struct.pack("<IIIII", 3, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame))
            out.write(pcapio.block(6, body + frame + b"\0" * (-len(frame) % 4)))
        # Simple packet (no time), name resolution, statistics, unknown block type
        frame = names[0][1]
        out.write(pcapio.block(3, struct.pack("<I", len(frame)) + frame + b"\0" * (-len(frame) % 4)))
        out.write(pcapio.block(4, struct.pack("<HH", 1, 9) + bytes([10, 20, 10, 11]) + b"pacs\0" + b"\0" * 3
                               + struct.pack("<HH", 0, 0)))
        out.write(pcapio.block(5, struct.pack("<III", 0, 0, 0) + pcapio.end_options(
            [(4, struct.pack("<Q", 1000)), (5, struct.pack("<Q", 3))])))
        out.write(pcapio.block(0x40000001, b"unknown."))
        out.write(big_endian_section(names[60:90]))


def main():
    """Makes all of them."""
    directory = sys.argv[1]
    read = {name: pcapio.read_pcap(f"{directory}/{name}.pcap")[1]
            for name in ("dicom", "hl7", "names", "web", "ssh-snmp")}
    hospital = pcapio.read_pcapng(f"{directory}/hospital.pcapng")
    relay = [(when, frame[:12] + frame[16:]) for when, frame in hospital
             if frame[16:18] == b"\x08\x00" and frame[27] == 17
             and {67, 68} & set(struct.unpack_from("!HH", frame, 38))]
    pcapio.write_pcap(f"{directory}/dhcp-relay.pcap", [(when, pcapio.pad(frame)) for when, frame in relay])
    tunnels(directory, read["web"], read["dicom"])
    fragments(directory)
    both = [row for row in read["hl7"] + read["ssh-snmp"] if is_ip(row[1])]
    pcapio.write_pcap(f"{directory}/cooked.pcap", [(when, cooked(frame)) for when, frame in both], 113)
    pcapio.write_pcap(f"{directory}/cooked2.pcap", [(when, cooked2(frame)) for when, frame in both], 276)
    pcapio.write_pcap(f"{directory}/rawip.pcap", [(when, trimmed(frame)[14:]) for when, frame in both], 101,
                      nano=True)
    pcapio.write_pcap(f"{directory}/loss.pcap", lossy(read["dicom"] + read["hl7"]))
    pcapio.write_pcap(f"{directory}/double.pcap", doubled(read["dicom"]))
    pcapio.write_pcap(f"{directory}/midstream.pcap", midstream(read["dicom"] + read["hl7"]))
    multi_interface(directory, read["names"], read["hl7"], read["web"])
    with open(f"{directory}/hl7.pcap", "rb") as source, open(f"{directory}/hl7.pcap.gz", "wb") as out:
        with gzip.GzipFile("", "wb", 9, out, mtime=0) as packed:
            packed.write(source.read())
    subprocess.run(["zstd", "-q", "-f", "-19", f"{directory}/dicom.pcap", "-o", f"{directory}/dicom.pcap.zst"],
                   check=True)


if __name__ == "__main__":
    main()
