"""Windows traffic from documented bytes: NTLMSSP, SMB1, SMB2, BROWSER, NBNS, DHCP, RDP.

Layouts: MS-NLMP 2.2.1, MS-SMB 2.2, MS-SMB2 2.2, MS-BRWS 2.2.1, RFC 1002, RFC 2131/2132,
MS-RDPBCGR 2.2.1.
"""
import os
import socket
import struct

UTF16 = "utf-16-le"


# --- NTLMSSP and SPNEGO -------------------------------------------------------
def ntlm_version(major, minor, build):
    """VERSION structure (MS-NLMP 2.2.2.10)."""
    return struct.pack("<BBH3xB", major, minor, build, 15)


def ntlm_negotiate(version):
    """NEGOTIATE_MESSAGE."""
    return (b"NTLMSSP\0" + struct.pack("<II", 1, 0xE2088297) + struct.pack("<HHI", 0, 0, 40) * 2
            + ntlm_version(*version))


def challenge_target(answer):
    """TargetInfo (AV pairs) of the CHALLENGE_MESSAGE inside an answer."""
    at = answer.index(b"NTLMSSP\0\x02\0\0\0")
    length, _, offset = struct.unpack_from("<HHI", answer, at + 40)
    return answer[at + offset:at + offset + length]


def ntlm_authenticate(version, domain, user, workstation, target):
    """AUTHENTICATE_MESSAGE with an NTLMv2 response whose proof is invented."""
    blob = b"\x01\x01" + b"\0" * 6 + struct.pack("<Q", 134_169_984_000_000_000) + os.urandom(8)
    parts = [b"\0" * 24, os.urandom(16) + blob + b"\0" * 4 + target + b"\0" * 4, domain.encode(UTF16), user.encode(UTF16),
             workstation.encode(UTF16), os.urandom(16)]
    order = [2, 3, 4, 0, 1, 5]           # payload order as Windows writes it
    at, where = 88, {}
    for index in order:
        where[index] = at
        at += len(parts[index])
    head = b"NTLMSSP\0" + struct.pack("<I", 3)
    for index in (0, 1, 2, 3, 4, 5):
        head += struct.pack("<HHI", len(parts[index]), len(parts[index]), where[index])
    head += struct.pack("<I", 0xE2888215) + ntlm_version(*version) + os.urandom(16)
    return head + b"".join(parts[index] for index in order)


def der(tag, body):
    """DER element."""
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    if len(body) < 256:
        return bytes([tag, 0x81, len(body)]) + body
    return bytes([tag, 0x82]) + struct.pack("!H", len(body)) + body


NTLM_OID = bytes.fromhex("060a2b06010401823702020a")
SPNEGO_OID = bytes.fromhex("06062b0601050502")


def spnego_init(token):
    """NegTokenInit that offers NTLMSSP."""
    body = der(0xA0, der(0x30, NTLM_OID)) + der(0xA2, der(0x04, token))
    return der(0x60, SPNEGO_OID + der(0xA0, der(0x30, body)))


def spnego_response(token, state=None):
    """NegTokenResp."""
    body = der(0xA0, der(0x0A, bytes([state]))) if state is not None else b""
    if state == 1:
        body += der(0xA1, NTLM_OID)
    if token:
        body += der(0xA2, der(0x04, token))
    return der(0xA1, der(0x30, body))


# --- SMB1 -----------------------------------------------------------------------
def smb1(command, words, data, tree=0, user=0, mux=1):
    """SMB1 request with its NetBIOS session header."""
    head = b"\xffSMB" + struct.pack("<BIBHH8sHHHHH", command, 0, 0x18, 0xC807, 0, b"", 0, tree,
                                    0xFEFF, user, mux)
    body = head + bytes([len(words) // 2]) + words + struct.pack("<H", len(data)) + data
    return struct.pack("!I", len(body)) + body


def smb1_negotiate():
    """The dialects that Windows XP offers."""
    names = ["PC NETWORK PROGRAM 1.0", "LANMAN1.0", "Windows for Workgroups 3.1a", "LM1.2X002",
             "LANMAN2.1", "NT LM 0.12"]
    return smb1(0x72, b"", b"".join(b"\x02" + name.encode() + b"\0" for name in names))


def smb1_session(token, native_os, native_lan, user, mux):
    """Session Setup AndX with a security blob."""
    words = struct.pack("<BBHHHHIHII", 0xFF, 0, 0, 4356, 10, 0, 0, len(token), 0, 0xA00000D4)
    data = token + (b"\0" if (59 + len(token)) % 2 else b"")
    data += native_os.encode(UTF16) + b"\0\0" + native_lan.encode(UTF16) + b"\0\0" + b"\0\0"
    return smb1(0x73, words, data, user=user, mux=mux)


def smb1_tree(path, user, mux):
    """Tree Connect AndX."""
    words = struct.pack("<BBHHH", 0xFF, 0, 0, 8, 1)
    return smb1(0x75, words, b"\0" + path.encode(UTF16) + b"\0\0?????\0", user=user, mux=mux)


def smb1_create(name, tree, user, mux):
    """NT Create AndX."""
    raw = name.encode(UTF16)
    words = struct.pack("<BBHBHIIIQIIIIIB", 0xFF, 0, 0, 0, len(raw), 0x16, 0, 0x120089, 0, 0x80, 7,
                        3, 0x40, 2, 3)
    return smb1(0xA2, words, b"\0" + raw + b"\0\0", tree=tree, user=user, mux=mux)


# --- SMB2 and 3 -------------------------------------------------------------------
def smb2(command, body, message, session=0, tree=0):
    """SMB2 request with its NetBIOS session header."""
    head = b"\xfeSMB" + struct.pack("<HHIHHIIQIIQ16s", 64, 1, 0, command, 31, 0, 0, message, 0xFEFF,
                                    tree, session, b"")
    return struct.pack("!I", len(head + body)) + head + body


def smb2_negotiate(dialects, guid):
    """NEGOTIATE; contexts are added when 3.1.1 is offered."""
    fixed = struct.pack("<HHHHI16s", 36, len(dialects), 1, 0, 0x7F if max(dialects) >= 0x300 else 0,
                        guid)
    names = b"".join(struct.pack("<H", dialect) for dialect in dialects)
    if 0x0311 not in dialects:
        return fixed + b"\0" * 8 + names
    contexts = [(1, struct.pack("<HHH", 1, 32, 1) + os.urandom(32)),
                (2, struct.pack("<HHH", 2, 2, 1)),
                (3, struct.pack("<HHI", 1, 0, 0) + struct.pack("<H", 1))]
    at = 64 + 36 + len(names)
    at += -at % 8
    body = fixed + struct.pack("<IHH", at, len(contexts), 0) + names
    for kind, data in contexts:
        body += b"\0" * (-(64 + len(body)) % 8) + struct.pack("<HHI", kind, len(data), 0) + data
    return body


def smb2_session(token):
    """SESSION_SETUP."""
    return struct.pack("<HBBIIHHQ", 25, 0, 1, 1, 0, 88, len(token), 0) + token


def smb2_tree(path):
    """TREE_CONNECT."""
    raw = path.encode(UTF16)
    return struct.pack("<HHHH", 9, 0, 72, len(raw)) + raw


def smb2_create(name):
    """CREATE (open if it exists, else make it)."""
    raw = name.encode(UTF16)
    return struct.pack("<HBBIQQIIIIIHHII", 57, 0, 0, 2, 0, 0, 0x12019F, 0x80, 7, 3, 0x40, 120,
                       len(raw), 0, 0) + raw


# --- NetBIOS names, BROWSER -----------------------------------------------------
def netbios_name(name, suffix):
    """First-level encoded NetBIOS name (RFC 1001 14.1)."""
    raw = name.upper().encode()[:15].ljust(15, b" ") + bytes([suffix])
    return b"\x20" + bytes(0x41 + half for octet in raw for half in (octet >> 4, octet & 15)) + b"\0"


def nbns_register(number, name, suffix, ip, group=False):
    """Name registration as a broadcast host sends it."""
    head = struct.pack("!HHHHHH", number, 0x2910, 1, 0, 0, 1)
    question = netbios_name(name, suffix) + struct.pack("!HH", 0x20, 1)
    record = struct.pack("!HHHIHH", 0xC00C, 0x20, 1, 300000, 6, 0x8000 if group else 0)
    return head + question + record + socket.inet_aton(ip)


def nbns_query(number, name, suffix):
    """Name query by broadcast."""
    return (struct.pack("!HHHHHH", number, 0x0110, 1, 0, 0, 0) + netbios_name(name, suffix)
            + struct.pack("!HH", 0x20, 1))


def browser_announcement(name, group, ip, major, minor, server_type, comment=""):
    """Host announcement in a mailslot in a NetBIOS datagram."""
    browse = struct.pack("<BBI16sBBIBBH", 1, 0, 720000, name.upper().encode()[:15], major, minor,
                         server_type, 15, 1, 0xAA55) + comment.encode() + b"\0"
    slot = b"\\MAILSLOT\\BROWSE\0"
    words = struct.pack("<HHHHBBHIHHHHHBBHHH", 0, len(browse), 0, 0, 0, 0, 0, 1000, 0, 0, 0,
                        len(browse), 86, 3, 0, 1, 1, 2)
    head = b"\xffSMB" + struct.pack("<BIBHH8sHHHHH", 0x25, 0, 0, 0, 0, b"", 0, 0, 0, 0, 0)
    smb = head + bytes([17]) + words + struct.pack("<H", len(slot) + len(browse)) + slot + browse
    names = netbios_name(name, 0x00) + netbios_name(group, 0x1D)
    return (struct.pack("!BBH", 0x11, 0x02, 0x8001) + socket.inet_aton(ip)
            + struct.pack("!HHH", 138, len(names) + len(smb), 0) + names + smb)


# --- DHCP ------------------------------------------------------------------------
PARAMETERS = {    # option 55 orders
    "winxp": [1, 15, 3, 6, 44, 46, 47, 31, 33, 249, 43],
    "win7": [1, 15, 3, 6, 44, 46, 47, 31, 33, 121, 249, 43],
    "win10": [1, 3, 6, 15, 31, 33, 43, 44, 46, 47, 119, 121, 249, 252],
}


def dhcp(kind, mac, number, parameters, hostname, vendor=b"MSFT 5.0", client=None, more=()):
    """DHCP message body; `client` is ciaddr."""
    raw_mac = bytes.fromhex(mac.replace(":", ""))
    head = struct.pack("!BBBBIHH4s4s4s4s16s64s128s", 1, 1, 6, 0, number, 0, 0,
                       socket.inet_aton(client or "0.0.0.0"), b"", b"", b"", raw_mac, b"", b"")
    options = [(53, bytes([kind])), (61, b"\x01" + raw_mac), *more, (12, hostname.encode())]
    if kind == 3:
        options.append((81, b"\0\0\0" + hostname.encode()))
    if vendor:
        options.append((60, vendor))
    options.append((55, bytes(parameters)))
    out = head + b"\x63\x82\x53\x63"
    for code, value in options:
        out += bytes([code, len(value)]) + value
    return (out + b"\xff").ljust(300, b"\0")


# --- RDP -------------------------------------------------------------------------
def rdp_request(user, protocols=None):
    """X.224 connection request with its routing cookie."""
    body = f"Cookie: mstshash={user}\r\n".encode()
    if protocols is not None:
        body += struct.pack("<BBHI", 1, 0, 8, protocols)
    x224 = bytes([6 + len(body), 0xE0, 0, 0, 0, 0, 0]) + body
    return struct.pack("!BBH", 3, 0, 4 + len(x224)) + x224


def rdp_connect_initial(build, name):
    """MCS connect initial with client core data of a Windows client."""
    core = struct.pack("<IHHHHII", 0x00080004, 1280, 1024, 0xCA01, 0xAA03, 0x411, build)
    core += name.encode(UTF16)[:30].ljust(32, b"\0") + struct.pack("<III", 4, 0, 12) + b"\0" * 64
    core += struct.pack("<HHIHHH", 0xCA01, 1, 0, 24, 7, 1) + b"\0" * 64 + struct.pack("<BBI", 0, 0, 0)
    blocks = struct.pack("<HH", 0xC001, 4 + len(core)) + core
    blocks += struct.pack("<HHII", 0xC004, 12, 0x0D, 0)
    blocks += struct.pack("<HHII", 0xC002, 12, 0x1B, 0)
    blocks += struct.pack("<HHI8sI", 0xC003, 20, 1, b"rdpdr\0\0\0", 0x80800000)
    gcc = bytes.fromhex("000500147c0001") + struct.pack("!H", 0x8000 | (len(blocks) + 14))
    gcc += bytes.fromhex("000800100001c000") + b"Duca" + struct.pack("!H", 0x8000 | len(blocks)) + blocks
    body = bytes.fromhex(
        "040101040101 0101ff 3019 020122020102020100020101020100020101 0202ffff 020102"
        "3019 020101020101020101020101020100020101 02020420 020102"
        "301c 0202ffff 0202fc17 0202ffff 020101020100020101 0202ffff 020102")
    body += b"\x04\x82" + struct.pack("!H", len(gcc)) + gcc
    mcs = b"\x7f\x65\x82" + struct.pack("!H", len(body)) + body
    return struct.pack("!BBH", 3, 0, 7 + len(mcs)) + b"\x02\xf0\x80" + mcs
