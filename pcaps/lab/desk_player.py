"""Plays printers, databases and programs of offices: clients are real where there are any, the rest is made from
documented bytes (MS-TDS, MC-SQLR, Oracle Net as observed, HP's PJL reference, Zebra's ZPL II guide).

Usage: desk_player.py WORD [arguments]; the words are at the end. Servers run until they are ended.
"""
import os
import socket
import socketserver
import struct
import sys
import time

import canaries
from hl7_player import serve

TEXTS, ACCOUNTS = canaries.TEXTS, canaries.ACCOUNTS
UEL = b"\x1b%-12345X"


def send(address, port, data, wait=1.0):
    """Sends something and prints what is answered."""
    with socket.create_connection((address, int(port)), 5) as link:
        link.settimeout(wait)
        link.sendall(data)
        try:
            print(link.recv(1000))
        except TimeoutError:
            print("no answer")


# --- printers ----------------------------------------------------------------------
class Printer(socketserver.BaseRequestHandler):
    """Takes jobs, and says its model when asked for it."""

    says = ()

    def handle(self):
        while data := self.request.recv(4096):
            if b"@PJL INFO ID" in data:
                self.request.sendall(f"@PJL INFO ID\r\n\"{self.says[0]}\"\r\n\x0c".encode())
            if b"~HI" in data:
                self.request.sendall(f"\x02{','.join(self.says)}\x03\r\n".encode())


def printer(port, *says):
    """Serves one."""
    Printer.says = says
    serve(int(port), Printer)


def pjl_job(address):
    """Asks for the model, then prints a letter."""
    send(address, 9100, UEL + b"@PJL\r\n@PJL INFO ID\r\n" + UEL)
    send(address, 9100, UEL + f"@PJL JOB NAME=\"{TEXTS['job_name']}\"\r\n@PJL SET USERNAME=\"{ACCOUNTS['job_user']}\"\r\n"
         f"@PJL INFO ID\r\n@PJL ENTER LANGUAGE=PCL\r\n\x1bE{TEXTS['job_text']}\r\n\x0c\x1bE".encode() + UEL + b"@PJL EOJ\r\n" + UEL)


def zpl_label(address):
    """Prints the label of a wristband, then asks what the printer is."""
    send(address, 9100, f"^XA^CI28^FO50,50^A0N,40^FD{TEXTS['label_name']}^FS^FO50,110^BCN,80^FD{TEXTS['label_id']}^FS^XZ".encode())
    send(address, 9100, b"~HI")


# --- SQL Server: MS-TDS and MC-SQLR ------------------------------------------------------
def token(kind, data):
    """A token with a length of two bytes."""
    return bytes([kind]) + struct.pack("<H", len(data)) + data


def varchar(text):
    """A text behind the number of its characters."""
    return bytes([len(text)]) + text.encode("utf-16-le")


DONE = bytes([0xFD]) + bytes(12)


class SqlServer(socketserver.BaseRequestHandler):
    """Encrypts nothing, lets everybody in, and finds nothing."""

    version = (15, 0, 2000)

    def packet(self):
        """Type and data of the next packet."""
        head = self.request.recv(8, socket.MSG_WAITALL)
        if len(head) < 8:
            return None, b""
        return head[0], self.request.recv(struct.unpack("!H", head[2:4])[0] - 8, socket.MSG_WAITALL)

    def answer(self, data):
        """A response in one packet."""
        self.request.sendall(struct.pack("!BBHHBB", 4, 1, len(data) + 8, 51, 1, 0) + data)

    def handle(self):
        major, minor, build = self.version
        while True:
            kind, _ = self.packet()
            if kind is None:
                return
            if kind == 0x12:
                options = struct.pack("!BHHBHHBHHBHHB", 0, 21, 6, 1, 27, 1, 2, 28, 1, 4, 29, 1, 0xFF)
                self.answer(options + struct.pack("!BBHHBBB", major, minor, build, 0, 2, 0, 0))
            elif kind == 0x10:
                program = b"\x01\x74\x00\x00\x04" + varchar("Microsoft SQL Server") + struct.pack("!BBH", major, minor, build)
                changed = b"\x01" + varchar("worklist") + varchar("master")
                self.answer(token(0xE3, changed) + token(0xAD, program) + DONE)
            else:
                self.answer(DONE)


class Browser(socketserver.BaseRequestHandler):
    """Tells which instances there are."""

    text = b""

    def handle(self):
        data, link = self.request
        if data[:1] in (b"\x02", b"\x03", b"\x04"):
            link.sendto(b"\x05" + struct.pack("<H", len(self.text)) + self.text, self.client_address)


def sql_browser(name):
    """Serves UDP 1434."""
    Browser.text = f"ServerName;{name};InstanceName;RIS;IsClustered;No;Version;15.0.2000.5;tcp;1433;;".encode()
    with socketserver.UDPServer(("0.0.0.0", 1434), Browser) as server:
        server.serve_forever()


# --- Oracle Net ------------------------------------------------------------------------------
class Listener(socketserver.BaseRequestHandler):
    """Knows one service; refuses what asks for another, and says of which version it is."""

    def handle(self):
        data = b""
        # A long descriptor comes in a packet of its own.
        while b"(DESCRIPTION" not in data:
            more = self.request.recv(8192)
            if not more:
                return
            data += more
        if ACCOUNTS["oracle_service"].encode() in data:
            text = b"(DESCRIPTION=(TMP=)(VSNNUM=318767104)(ERR=12514)(ERROR_STACK=(ERROR=(CODE=12514)(EMFI=4))))"
            body, kind = b"\x01\x00" + struct.pack("!H", len(text)) + text, 4
        else:
            body, kind = struct.pack("!HHHHHHHH", 318, 0x0801, 8192, 65535, 1, 0, 32, 0x4141) + bytes(8), 2
        self.request.sendall(struct.pack("!HHBBH", len(body) + 8, 0, kind, 0, 0) + body)
        time.sleep(0.3)


def oracle_ask(address, machine):
    """python-oracledb asks for two services, under an account that is a person's."""
    import oracledb
    for service in (ACCOUNTS["oracle_service"], "hismast"):
        try:
            oracledb.connect(user="lab", password="lab", program="ordview",
                             machine=machine, osuser=ACCOUNTS["oracle_osuser"], terminal="pts/0",
                             dsn=f"{address}:1521/{service}", tcp_connect_timeout=4, retry_count=0)
        except oracledb.Error as refused:
            print("refused:", refused)


# --- remote procedure calls: impacket ------------------------------------------------------------
def rpc_dump(address):
    """Asks the endpoint mapper for everything, first as nobody, then as somebody."""
    from impacket.dcerpc.v5 import epm, transport
    from impacket.dcerpc.v5.rpcrt import RPC_C_AUTHN_LEVEL_PKT_INTEGRITY
    for known in (False, True):
        way = transport.DCERPCTransportFactory(f"ncacn_ip_tcp:{address}[135]")
        rpc = way.get_dce_rpc()
        if known:
            way.set_credentials(ACCOUNTS["rpc_user"], "lab", "HOSHIKAWA")
            rpc.set_auth_level(RPC_C_AUTHN_LEVEL_PKT_INTEGRITY)
        try:
            rpc.connect()
            print(len(epm.hept_lookup(None, dce=rpc)), "endpoints")
        except Exception as refused:        # what the server does not allow is on the wire all the same
            print("refused:", refused)


# --- programs of which only the mark is known ---------------------------------------------------------
class Peer(socketserver.BaseRequestHandler):
    """Answers with the mark that it is sent."""

    def handle(self):
        data = self.request.recv(500)
        self.request.sendall(data)
        time.sleep(0.2)


def swarm(address):
    """A computer asks another for a piece of an update."""
    send(address, 7680, b"\x0eSwarm protocol" + bytes(8) + os.urandom(52))


def teamviewer(address):
    """A computer keeps the way to its servers open; the number of its account is behind the mark."""
    send(address, 5938, bytes.fromhex("172410040000") + ACCOUNTS["remote_id"].encode() + bytes(20))


WORDS = {"printer": printer, "pjl-job": pjl_job, "zpl-label": zpl_label, "sql-server": lambda: serve(1433, SqlServer),
         "sql-browser": sql_browser, "oracle-listener": lambda: serve(1521, Listener), "oracle-ask": oracle_ask,
         "rpc-dump": rpc_dump, "peer": lambda port: serve(int(port), Peer), "swarm": swarm, "teamviewer": teamviewer}

if __name__ == "__main__":
    WORDS[sys.argv[1]](*sys.argv[2:])
