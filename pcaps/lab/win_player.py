"""Plays a Windows host from documented bytes, over real sockets of its namespace.

Usage: win_player.py STEP KIND HOSTNAME MAC IP BROADCAST [arguments]
  boot                          DHCP exchange, NBNS registration, BROWSER announcement
  smb1 SERVER USER              SMB1 session, tree connect, open a file
  smb2 SERVER USER              SMB2/3 session, tree connect, open a file
  rdp  SERVER USER              RDP connection request and client core data
  web  SERVER HOST              CryptoAPI and NCSI requests
KIND is winxp, win7, win10-1809 or win10-22h2.
"""
import http.client
import os
import random
import socket
import struct
import sys
import time

import canaries
import win_bytes as wb

KINDS = {
    # NTLM version, SMB2 dialects, native OS / LAN manager, option 55, agents
    "winxp": {"version": (5, 1, 2600), "dialects": [], "dhcp": "winxp",
              "native": ("Windows 2002 Service Pack 3 2600", "Windows 2002 5.1"),
              "agent": "Microsoft-CryptoAPI/5.131.2600.5512", "ncsi": None},
    "win7": {"version": (6, 1, 7601), "dialects": [0x0202, 0x0210], "dhcp": "win7",
             "native": ("", ""), "agent": "Microsoft-CryptoAPI/6.1", "ncsi": "www.msftncsi.com/ncsi.txt"},
    "win10-1809": {"version": (10, 0, 17763), "dialects": [0x0202, 0x0210, 0x0300, 0x0302, 0x0311],
                   "dhcp": "win10", "native": ("", ""), "agent": "Microsoft-CryptoAPI/10.0",
                   "ncsi": "www.msftconnecttest.com/connecttest.txt"},
    "win10-22h2": {"version": (10, 0, 19045), "dialects": [0x0202, 0x0210, 0x0300, 0x0302, 0x0311],
                   "dhcp": "win10", "native": ("", ""), "agent": "Microsoft-CryptoAPI/10.0",
                   "ncsi": "www.msftconnecttest.com/connecttest.txt"},
}
GROUP = "HOSHIRAD"


class Windows:
    """One Windows host."""

    def __init__(self, kind, name, mac, ip, broadcast):
        self.kind, self.about = kind, KINDS[kind]
        self.name, self.mac, self.ip, self.broadcast = name, mac, ip, broadcast

    # --- boot ---------------------------------------------------------------
    def frame(self, payload, source, destination):
        """Ethernet broadcast frame with a DHCP message, as a host without address sends it."""
        from pcapio import checksum
        udp = struct.pack("!HHHH", 68, 67, 8 + len(payload), 0) + payload
        pseudo = socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack("!BBH", 0, 17, len(udp))
        udp = udp[:6] + struct.pack("!H", checksum(pseudo + udp) or 0xFFFF) + udp[8:]
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), random.randrange(65536), 0, 128, 17, 0,
                         socket.inet_aton(source), socket.inet_aton(destination))
        ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
        return b"\xff" * 6 + bytes.fromhex(self.mac.replace(":", "")) + b"\x08\x00" + ip + udp

    def dhcp(self):
        """Discover, request; the offers and acknowledgements come from the real server."""
        number = random.randrange(1 << 32)
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
        raw.bind(("eth0", 0))
        raw.settimeout(4)

        def ask(kind, more=()):
            body = wb.dhcp(kind, self.mac, number, wb.PARAMETERS[self.about["dhcp"]], self.name, more=more)
            raw.send(self.frame(body, "0.0.0.0", "255.255.255.255"))
            for _ in range(200):
                frame = raw.recv(2048)
                if frame[34:36] == b"\x00\x43" and frame[46:50] == struct.pack("!I", number):
                    return frame
            return None

        try:
            offer = ask(1)
            server = offer[42 + 240:].split(b"\x36\x04", 1)[1][:4]
            answer = ask(3, [(50, socket.inet_aton(self.ip)), (54, server)])
            print("DHCP", "acknowledged" if answer else "no answer")
        except (TimeoutError, IndexError, TypeError) as error:
            print("DHCP failed", error)
            sys.exit(1)

    def names(self):
        """NBNS registration and BROWSER host announcement."""
        for port, messages in ((137, [
                wb.nbns_register(0x8F10, self.name, 0x00, self.ip),
                wb.nbns_register(0x8F11, self.name, 0x20, self.ip),
                wb.nbns_register(0x8F12, GROUP, 0x00, self.ip, group=True)]),
                (138, [wb.browser_announcement(self.name, GROUP, self.ip, *self.about["version"][:2],
                                               0x00011003, "")])):
            link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            link.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            link.bind((self.ip, port))
            for message in messages:
                link.sendto(message, (self.broadcast, port))
                time.sleep(0.2)
            link.close()

    # --- SMB ------------------------------------------------------------------
    @staticmethod
    def exchange(link, request):
        """Sends one SMB message and returns the answer without its session header."""
        link.sendall(request)
        data = b""
        while len(data) < 4 or len(data) < 4 + int.from_bytes(data[1:4], "big"):
            part = link.recv(65536)
            if not part:
                raise ConnectionError("server closed")
            data += part
        return data[4:]

    def smb1(self, server, user):
        """SMB1 as Windows XP speaks it."""
        with socket.create_connection((server, 445), 10) as link:
            self.exchange(link, wb.smb1_negotiate())
            native = self.about["native"]
            token = wb.spnego_init(wb.ntlm_negotiate(self.about["version"]))
            answer = self.exchange(link, wb.smb1_session(token, *native, 0, 2))
            uid = struct.unpack_from("<H", answer, 28)[0]
            token = wb.spnego_response(wb.ntlm_authenticate(self.about["version"], GROUP, user, self.name,
                                                             wb.challenge_target(answer)))
            answer = self.exchange(link, wb.smb1_session(token, *native, uid, 3))
            print("SMB1 session", hex(struct.unpack_from("<I", answer, 5)[0]))
            answer = self.exchange(link, wb.smb1_tree(f"\\\\{server}\\exchange", uid, 4))
            tree = struct.unpack_from("<H", answer, 24)[0]
            answer = self.exchange(link, wb.smb1_create("\\" + canaries.ACCOUNTS["smb_file"], tree, uid, 5))
            print("SMB1 open", hex(struct.unpack_from("<I", answer, 5)[0]))

    def smb2(self, server, user):
        """SMB2 or 3, as far as the host's newest dialect."""
        with socket.create_connection((server, 445), 10) as link:
            guid = os.urandom(16)
            self.exchange(link, wb.smb2(0, wb.smb2_negotiate(self.about["dialects"], guid), 0))
            token = wb.spnego_init(wb.ntlm_negotiate(self.about["version"]))
            answer = self.exchange(link, wb.smb2(1, wb.smb2_session(token), 1))
            session = struct.unpack_from("<Q", answer, 40)[0]
            token = wb.spnego_response(wb.ntlm_authenticate(self.about["version"], GROUP, user, self.name,
                                                             wb.challenge_target(answer)))
            answer = self.exchange(link, wb.smb2(1, wb.smb2_session(token), 2, session))
            print("SMB2 session", hex(struct.unpack_from("<I", answer, 8)[0]))
            answer = self.exchange(link, wb.smb2(3, wb.smb2_tree(f"\\\\{server}\\exchange"), 3, session))
            print("SMB2 tree", hex(struct.unpack_from("<I", answer, 8)[0]))
            tree = struct.unpack_from("<I", answer, 36)[0]
            answer = self.exchange(link, wb.smb2(5, wb.smb2_create(canaries.ACCOUNTS["smb_file"]), 4,
                                                 session, tree))
            print("SMB2 open", hex(struct.unpack_from("<I", answer, 8)[0]))
            self.exchange(link, wb.smb2(2, struct.pack("<HH", 4, 0), 5, session))

    # --- RDP and web ------------------------------------------------------------
    def rdp(self, server, user):
        """Opens an RDP session as far as the server's MCS answer."""
        protocols = None if self.kind == "winxp" else 0
        with socket.create_connection((server, 3389), 10) as link:
            link.settimeout(5)
            link.sendall(wb.rdp_request(user, protocols))
            answer = link.recv(4096)
            link.sendall(wb.rdp_connect_initial(self.about["version"][2], self.name))
            print("RDP", answer[:8].hex(), len(link.recv(4096)))

    def web(self, server, host):
        """Certificate revocation and connectivity requests in clear HTTP."""
        jobs = [(host, "/pki/root.crl", self.about["agent"])]
        if self.about["ncsi"]:
            where, path = self.about["ncsi"].split("/", 1)
            jobs.append((where, "/" + path, "Microsoft NCSI"))
        for where, path, agent in jobs:
            link = http.client.HTTPConnection(server, 80, timeout=10)
            link.putrequest("GET", path, skip_host=True, skip_accept_encoding=True)
            for key, value in (("Connection", "Keep-Alive"), ("Accept", "*/*"), ("User-Agent", agent),
                               ("Host", where)):
                link.putheader(key, value)
            link.endheaders()
            print("HTTP", link.getresponse().status)
            link.close()


def main():
    """Plays one step."""
    step, kind, name, mac, ip, broadcast = sys.argv[1:7]
    host = Windows(kind, name, mac, ip, broadcast)
    if step == "boot":
        host.dhcp()
        host.names()
    else:
        getattr(host, step)(*sys.argv[7:9])


if __name__ == "__main__":
    main()
