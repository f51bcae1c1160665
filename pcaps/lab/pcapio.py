"""Small pcap and pcapng reader/writer, and the clean-up every capture gets."""
import struct

ETHERNET = 1


def read_pcap(path):
    """Returns (link type, [(time in ns, frame bytes)])."""
    with open(path, "rb") as source:
        data = source.read()
    magic = struct.unpack_from("<I", data)[0]
    unit = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}[magic]
    link = struct.unpack_from("<I", data, 20)[0]
    frames, at = [], 24
    while at + 16 <= len(data):
        seconds, part, length, _ = struct.unpack_from("<IIII", data, at)
        if at + 16 + length > len(data):
            break
        frames.append((seconds * 10**9 + part * unit, data[at + 16:at + 16 + length]))
        at += 16 + length
    return link, frames


def read_pcapng(path):
    """Frames of a one-interface, little-endian, microsecond pcapng (as written below)."""
    with open(path, "rb") as source:
        data = source.read()
    frames, at = [], 0
    while at + 12 <= len(data):
        kind, total = struct.unpack_from("<II", data, at)
        if kind == 6:
            _, high, low, length = struct.unpack_from("<IIII", data, at + 8)
            frames.append((((high << 32) | low) * 1000, data[at + 28:at + 28 + length]))
        at += total
    return frames


def write_pcap(path, frames, link=ETHERNET, nano=False):
    """Writes a classic pcap file."""
    with open(path, "wb") as out:
        magic = 0xA1B23C4D if nano else 0xA1B2C3D4
        out.write(struct.pack("<IHHiIII", magic, 2, 4, 0, 0, 262144, link))
        for when, frame in frames:
            part = when % 10**9 if nano else when % 10**9 // 1000
            out.write(struct.pack("<IIII", when // 10**9, part, len(frame), len(frame)) + frame)


def option(code, value):
    """One pcapng option, padded."""
    return struct.pack("<HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def block(kind, body):
    """One pcapng block."""
    total = 12 + len(body)
    return struct.pack("<II", kind, total) + body + struct.pack("<I", total)


def section(options=()):
    """Section header block with (code, bytes) options."""
    body = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
    return block(0x0A0D0D0A, body + end_options(options))


def end_options(options):
    """Options with their end mark, or nothing."""
    if not options:
        return b""
    return b"".join(option(code, value) for code, value in options) + option(0, b"")


def interface(link, name, description, resolution=6, more=()):
    """Interface description block; `resolution` is a power of ten."""
    options = [(2, name.encode()), (3, description.encode()), (9, bytes([resolution]))] + list(more)
    return block(1, struct.pack("<HHI", link, 0, 262144) + end_options(options))


def packet(index, when, frame, resolution=6, options=()):
    """Enhanced packet block."""
    ticks = when // 10 ** (9 - resolution)
    body = struct.pack("<IIIII", index, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame))
    return block(6, body + frame + b"\0" * (-len(frame) % 4) + end_options(options))


def write_pcapng(path, frames, name="mirror0", description="core switch mirror port", link=ETHERNET):
    """Writes one interface's frames as pcapng with microseconds."""
    with open(path, "wb") as out:
        out.write(section([(4, b"auscult lab")]))
        out.write(interface(link, name, description))
        for when, frame in frames:
            out.write(packet(0, when, frame))


# --- clean-up -----------------------------------------------------------------
def checksum(data):
    """Internet checksum."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def pad(frame):
    """Pads to 60 bytes (64 with a VLAN tag), as a network card does."""
    least = 64 if frame[12:14] == b"\x81\x00" else 60
    return frame + b"\0" * (least - len(frame))


SYN_STYLE = {
    # window; options that replace Linux's of the same length (MSS is kept)
    "win7": (8192, bytes.fromhex("0103030801010402")),
    "win10": (64240, bytes.fromhex("0103030801010402")),
    "winxp": (65535, bytes.fromhex("01010402")),
}


def rewrite_syn(frame, style):
    """Gives a SYN from an emulated Windows host the option order of that Windows."""
    base = 18 if frame[12:14] == b"\x81\x00" else 14
    if frame[base - 2:base] != b"\x08\x00" or frame[base + 9] != 6:
        return frame
    tcp = base + (frame[base] & 15) * 4
    flags = frame[tcp + 13]
    if flags & 0x3F != 0x02:
        return frame
    window, tail = SYN_STYLE[style]
    length = (frame[tcp + 12] >> 4) * 4
    if length != 20 + 4 + len(tail):
        return frame
    out = bytearray(frame)
    out[tcp + 14:tcp + 16] = struct.pack("!H", window)
    out[tcp + 24:tcp + length] = tail
    out[tcp + 16:tcp + 18] = b"\0\0"
    end = base + struct.unpack_from("!H", frame, base + 2)[0]
    segment = bytes(out[tcp:end])
    pseudo = bytes(out[base + 12:base + 20]) + struct.pack("!BBH", 0, 6, len(segment))
    out[tcp + 16:tcp + 18] = struct.pack("!H", checksum(pseudo + segment))
    return bytes(out)


def source_ip(frame):
    """IPv4 source address of an Ethernet frame, or None."""
    base = 18 if frame[12:14] == b"\x81\x00" else 14
    if frame[base - 2:base] != b"\x08\x00":
        return None
    return ".".join(str(octet) for octet in frame[base + 12:base + 16])


def clean(frames, kinds):
    """Pads frames and adapts SYNs; `kinds` maps an address to an os_kind."""
    out = []
    for when, frame in frames:
        kind = kinds.get(source_ip(frame))
        if kind in SYN_STYLE:
            frame = rewrite_syn(frame, kind)
        out.append((when, pad(frame)))
    return out


def stretch(frames, quiet_ns, factor):
    """Lengthens pauses longer than `quiet_ns` by `factor`; bursts keep real time."""
    out, shift, last = [], 0, None
    for when, frame in frames:
        if last is not None and when - last > quiet_ns:
            shift += (when - last) * (factor - 1)
        last = when
        out.append((when + shift, frame))
    return out
