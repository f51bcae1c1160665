"""Plays bedside devices that no software here can speak for, from documented bytes over real sockets.

Usage: ward_player.py WORD [arguments]; the words are at the end. Servers run until they are ended.
Layouts: Philips 4535 642 59271 (IntelliVue), ISO/IEEE 11073-20601, Vocera's guide to CARESCAPE networks,
Terumo's manuals, Digi ADDP, Lantronix UDS-10 user guide, Moxa NPort, recog's banner of the Spectrum, bioMérieux' LIS interface.
"""
import base64
import binascii
import socket
import socketserver
import struct
import sys
import time

import canaries
from hl7_player import serve

TEXTS, ACCOUNTS = canaries.TEXTS, canaries.ACCOUNTS
# From 1900 to 1970 (RFC 868).
EPOCH = 2_208_988_800


def words(*numbers):
    """Numbers of 16 bits."""
    return struct.pack(f"!{len(numbers)}H", *numbers)


def sized(data):
    """Data behind its length."""
    return words(len(data)) + data


def listed(*entries):
    """Entries behind their count and length."""
    return words(len(entries)) + sized(b"".join(entries))


def attribute(code, value):
    """One attribute of a list."""
    return words(code) + sized(value)


def even(text, end=b"\0"):
    """A text as both standards pad it."""
    data = text.encode() + end
    return sized(data + b"\0" * (len(data) % 2))


def wide(text):
    """A string of a monitor: UTF-16 with its end, behind its length."""
    return sized(text.encode("utf-16-be") + b"\0\0")


def broadcast(port=0):
    """A socket that may broadcast."""
    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    link.bind(("", port))
    return link


# --- GE CARESCAPE ---------------------------------------------------------------------
def filled(length, *parts):
    """Zeros, with parts at their places."""
    message = bytearray(length)
    for at, part in parts:
        message[at:at + len(part)] = part
    return bytes(message)


def carescape_time(address, everybody, place):
    """The network's master tells everybody the time, and where it stands."""
    link = broadcast(2000)
    for _ in range(2):
        now = struct.pack("!I", int(time.time()) + EPOCH)
        link.sendto(filled(64, (6, socket.inet_aton(address)), (24, place.encode()), (60, now)), (everybody, 2000))
        time.sleep(0.3)


def carescape(address, everybody, place, station):
    """A monitor tells what it is and gives alarm; then it sends a station what it measures."""
    own, place, name = socket.inet_aton(address), place.encode(), TEXTS["carescape_name"].encode()
    alarm, values = bytes.fromhex("00c90004"), bytes.fromhex("00c90014")
    link = broadcast(3011)
    now, services = struct.pack("!I", int(time.time())), bytes.fromhex("0002000307d000130bb8")
    here = filled(88, (0, bytes.fromhex("01040000")), (4, own), (8, now), (12, place), (28, name[:14]), (42, services))
    link.sendto(here, (everybody, 7000))
    link.sendto(filled(84, (0, b"\xff" * 4), (6, own), (12, alarm), (24, place), (66, name)), (everybody, 7001))
    sensors = b"".join(filled(70, (0, bytes([0, 1, code, 0xC0, 0x1F])), (5, words(value, 0x8000, 0x8000)), (40, name))
                       for code, value in ((0x3A, 0x8000), (0x2D, 97)))
    length = 125 + len(sensors)
    for _ in range(2):
        link.sendto(filled(125, (6, own), (12, values), (58, words(length - 60)), (66, own), (72, values),
                           (118, words(length - 120)), (124, b"\2")) + sensors, (station, 3073))
        time.sleep(0.3)


# --- Philips IntelliVue: data export ---------------------------------------------------
EXPORT, ANNOUNCE = 24105, 24005
SESSION, NOMENCLATURE = bytes.fromhex("e1000002"), bytes.fromhex("00000100")
OBJECT = words(0x21, 0, 0)
# Of the session layer, of presentation and association control, as the guide prints them.
SESSION_DATA = bytes.fromhex("0508130100160102800014020002")
BEGINS = bytes.fromhex("3180a0808001010000a280a003000001")
BASE, DATA, CONTROL = (bytes.fromhex(f"2a8648ce140201000000{last}01") for last in ("01", "02", "03"))
ASKS = (BEGINS + bytes.fromhex("a4803080020101060452010001308006025101000000003080020102060c") + BASE
        + bytes.fromhex("3080060c") + DATA + bytes.fromhex("00000000000061803080020101a0806080a180060c") + CONTROL
        + bytes.fromhex("0000be802880060c") + BASE + bytes.fromhex("02010281"))
GRANTS = (BEGINS + bytes.fromhex("a58030808001008102510100003080800100810c") + DATA
          + bytes.fromhex("0000000061803080020101a0806180a180060c") + CONTROL
          + bytes.fromhex("0000a203020100a305a103020100be80288002010281"))
USER = bytes.fromhex("8000000040000000000000008000000020000000000000000001000cf00100088000000000000000")
RELEASES, RELEASED = (bytes.fromhex(f"{kind}18c11661803080020101a080{choice}80800100") + bytes(8)
                      for kind, choice in (("09", "62"), ("0a", "63")))


def spdu(kind, head):
    """CONNECT or ACCEPT of the session layer around what its user asks for or gets."""
    inner = head + bytes([len(USER)]) + USER + bytes(16)
    body = SESSION_DATA + b"\xc1" + bytes([len(inner)]) + inner
    length = bytes([len(body)]) if len(body) < 255 else b"\xff" + words(len(body))
    return bytes([kind]) + length + body


def remote(operation, invoke, command, body, header=SESSION, linked=b""):
    """One remote operation: invoke 1, result 2, linked result 5."""
    return header + words(operation) + sized(linked + words(invoke, command) + sized(body))


def monitor_attributes(says):
    """Who a monitor is: model, product specification, system identifier and type, bed."""
    maker, model, serial, revision, part, mac, bed = says

    def spec(kind, component, text):
        return words(kind, component) + even(text)
    return listed(
        attribute(0x0986, words(1, 0x114D)),
        attribute(0x0984, sized(bytes.fromhex(mac[:6] + "ffff" + mac[6:]))),
        attribute(0x0928, even(maker) + even(model)),
        attribute(0x092D, listed(spec(1, 8, serial), spec(2, 8, model), spec(3, 8, "A.00.30"),
                                 spec(2, 0x58, part), spec(4, 0x58, revision))),
        attribute(0x091E, wide(bed)))


def polled(action, *objects):
    """Result of a poll of objects: a handle and attributes each."""
    head = b"" if action == 0x0C16 else words(0)
    context = words(0) + listed(*(words(handle) + listed(*all_) for handle, all_ in objects))
    reply = words(1) + head + bytes(4) + bytes.fromhex("2026030210401200") + words(1, 6, 0) + listed(context)
    return OBJECT + words(action) + sized(reply)


def numeric(physio, value):
    """A number that is valid."""
    return words(physio, 0, 0x0AA0) + struct.pack("!I", value)


def intellivue_monitor(everybody, *says):
    """Announces itself; lets one client in, describes itself and answers its polls."""
    describes = monitor_attributes(says)
    announce = broadcast(ANNOUNCE)
    event = OBJECT + bytes.fromhex("09457f00") + words(0x0D17) + sized(describes)
    for _ in range(2):
        announce.sendto(remote(1, 0, 0, event, NOMENCLATURE), (everybody, ANNOUNCE))
        time.sleep(0.5)
    name, family, number = TEXTS["monitor_given"], TEXTS["monitor_family"], TEXTS["monitor_id"]
    patient = (0x2A, [attribute(0x0957, words(2)), attribute(0x095C, wide(family)), attribute(0x095D, wide(name)),
                      attribute(0x095A, wide(number))])
    pulse = (0x55, [attribute(0x0927, wide("HR")), attribute(0x0950, numeric(0x4182, 72))])
    link = broadcast(EXPORT)
    while True:
        data, peer = link.recvfrom(2048)
        if data[0] == 0x0D:
            link.sendto(spdu(0x0E, GRANTS), peer)
            created = OBJECT + bytes.fromhex("09457f01") + words(0x0D06) + sized(words(0x21, 0, 0) + describes)
            link.sendto(remote(1, 1, 1, created), peer)
        elif data[:6] == SESSION + words(1):
            invoke, action = struct.unpack("!H", data[8:10])[0], struct.unpack("!H", data[24:26])[0]
            link.sendto(remote(5, invoke, 7, polled(action, patient), linked=bytes([1, 1])), peer)
            link.sendto(remote(2, invoke, 7, polled(action, pulse)), peer)
        elif data[0] == 0x09:
            link.sendto(RELEASED, peer)


def intellivue_client(monitor):
    """Associates, confirms, polls twice and releases."""
    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    link.settimeout(3)
    link.connect((monitor, EXPORT))
    link.send(spdu(0x0D, ASKS))
    for _ in range(2):
        print(len(link.recv(2048)))
    link.send(remote(2, 1, 1, OBJECT + bytes(4) + words(0x0D06, 0)))
    for invoke, action in ((2, 0x0C16), (3, 0xF13B)):
        link.send(remote(1, invoke, 7, OBJECT + bytes(4) + words(action) + sized(words(1, 1, 6, 0))))
        for _ in range(2):
            print(len(link.recv(2048)))
    link.send(RELEASES)
    print(len(link.recv(2048)))


# --- Personal health devices ----------------------------------------------------------------
def apdu(choice, body):
    """One of the choices of annex A.8."""
    return words(choice) + sized(body)


def data_apdu(invoke, choice, body):
    """A presentation APDU around one remote operation."""
    return apdu(0xE700, sized(words(invoke, choice) + sized(body)))


def information(kind, system, configuration):
    """Versions, who one is, and in which configuration."""
    body = (struct.pack("!IHIII", 0x80000000, 0x8000, 0x80000000, 0, kind) + sized(bytes.fromhex(system))
            + words(configuration) + bytes.fromhex("0001010000000000"))
    return words(0x5079) + sized(body)


def received(link):
    """One APDU."""
    head = link.recv(4, socket.MSG_WAITALL)
    return head + link.recv(struct.unpack("!H", head[2:])[0], socket.MSG_WAITALL) if len(head) == 4 else b""


def phd_agent(manager, system, configuration, maker, model, serial, firmware):
    """A device that associates, describes itself when asked, and reports measurements."""
    with socket.create_connection((manager, 6024), 10) as link:
        link.settimeout(10)
        link.sendall(apdu(0xE200, struct.pack("!IHH", 0x80000000, 1, 0x2A)
                          + information(0x00800000, system, int(configuration, 16))))
        print(len(received(link)), "granted")
        print(len(received(link)), "asked")

        def spec(kind, text):
            return words(kind, 0) + even(text)
        about = words(0) + listed(
            attribute(0x0928, even(maker) + even(model)),
            attribute(0x092D, listed(spec(1, serial), spec(2, "PN-1"), spec(5, firmware))),
            attribute(0x0984, sized(bytes.fromhex(system))))
        link.sendall(data_apdu(7, 0x0203, about))
        for number in (1, 2):
            seen = words(1) + listed(attribute(0x0A4C, words(0xF120 + number)),
                                        attribute(0x0A57, sized(TEXTS["phd_note"].encode())))
            report = words(0) + bytes(4) + words(0x0D1E) + sized(words(0xF000, number) + listed(seen))
            link.sendall(data_apdu(8 + number, 0x0101, report))
            print(len(received(link)), "confirmed")
        link.sendall(apdu(0xE400, words(0)))
        print(len(received(link)), "released")


class Manager(socketserver.BaseRequestHandler):
    """Grants, asks who it is, and confirms."""

    def handle(self):
        while data := received(self.request):
            choice = struct.unpack("!H", data[:2])[0]
            if choice == 0xE200:
                self.request.sendall(apdu(0xE300, words(0) + information(0x80000000, "005056fffea17042", 0)))
                self.request.sendall(data_apdu(7, 0x0103, words(0, 0, 0)))
            elif choice == 0xE400:
                self.request.sendall(apdu(0xE500, words(0)))
                return
            elif data[8:10] == words(0x0101):
                self.request.sendall(data_apdu(struct.unpack("!H", data[6:8])[0], 0x0201, words(0) + bytes(4) + words(0x0D1E, 0)))


# --- Baxter Spectrum -----------------------------------------------------------------------
class Pump(socketserver.BaseRequestHandler):
    """The diagnostic terminal of a pump's battery module; it negotiates in every other session."""

    says = ()
    sessions = 0

    def handle(self):
        mac, module, serial, software = self.says
        Pump.sessions += 1
        if Pump.sessions % 2:
            self.request.sendall(b"\xff\xfb\x01\xff\xfb\x03")
            time.sleep(0.2)
        self.request.sendall(b"\r\nWelcome to the SIGMA Spectrum Diagnostic Terminal\r\n\r\n"
                             b"Wireless Battery Module (802.11a/b/g/n)\r\n" + f"MAC Address: {mac} SW: {module}\r\n"
                             f"Sigma Spectrum SN: {serial} SW: v{software}\r\n".encode()
                             + b"Radio up since: Mon Mar  2 03:14:24 2026\r\n\r\nlogin: ")
        self.request.recv(200)
        self.request.sendall(b"password: ")
        self.request.recv(200)
        self.request.sendall(b"\r\nLogin incorrect\r\n")


def spectrum_visit(pump):
    """Somebody tries twice to log on."""
    for _ in range(2):
        with socket.create_connection((pump, 23), 5) as link:
            link.settimeout(5)
            for text in ("", ACCOUNTS["pump_user"], ACCOUNTS["pump_pass"]):
                if text:
                    link.sendall(text.encode() + b"\r\n")
                time.sleep(0.5)
                print(link.recv(500))


# --- Terumo's pumps ------------------------------------------------------------------------
def terumo_message(document):
    """A document of one line with its CRC (CCITT, beginning with 0)."""
    text = f'<?xml version="1.0"?>{document}'.encode()
    return b"\x02" + text + f"{binascii.crc_hqx(text, 0):04X}".encode() + b"\x03"


class Syringe(socketserver.BaseRequestHandler):
    """Says its number, and that it infuses."""

    number = ""

    def handle(self):
        while data := self.request.recv(1000):
            device = f"<DEVID>{self.number}</DEVID>"
            command = ""
            if b"<CMD>" in data:
                status = bytes([0, 1, 0, 0, 0, 4, 3, 0x10]) + bytes(12)
                command = f"<CMD>{base64.b64encode(status).decode()}</CMD>"
            self.request.sendall(terumo_message(f"<REP>{device}{command}</REP>"))


def terumo_pump(number):
    """Serves one."""
    Syringe.number = number
    serve(8001, Syringe)


def terumo_ask(pump):
    """Asks who it is, then twice for its basic operating status."""
    with socket.create_connection((pump, 8001), 5) as link:
        link.settimeout(5)
        link.sendall(terumo_message("<REQ><DEVID></DEVID></REQ>"))
        told = link.recv(1000).decode()
        device = told[told.index("<DEVID>"):told.index("</DEVID>") + 8]
        for _ in range(2):
            time.sleep(0.3)
            link.sendall(terumo_message(f"<REQ>{device}<CMD>AQEAAA==</CMD></REQ>"))
            print(link.recv(1000))


# --- bioMérieux VIDAS ----------------------------------------------------------------------
class Host(socketserver.BaseRequestHandler):
    """The laboratory's end of a VIDAS line: acknowledges."""

    def handle(self):
        while data := self.request.recv(4096):
            if data[-1:] != b"\x04":
                self.request.sendall(b"\x06")


def vidas_send(host, port):
    """Two results, each a message of fields."""
    with socket.create_connection((host, int(port)), 5) as link:
        link.settimeout(5)
        for test, value in (("HBS", "NEGATIVE"), ("TSH", "1.90 µUI/ml")):
            fields = ["mtrsl", f"pi{TEXTS['vidas_id']}", f"pn{TEXTS['vidas_name']}", "pb19610704", "si", "ci20417", f"rt{test}",
                      f"rn{test} ULTRA", "tt10:41", "td03/02/2026", f"ql{value}"]
            body = b"\x1e" + b"\x1e".join(field.encode("latin-1") + b"|" for field in fields)
            link.sendall(b"\x05")
            link.recv(1)
            link.sendall(b"\x02" + body + b"\x1d" + f"{sum(body) % 256:02x}".encode() + b"\x03")
            link.recv(1)
            link.sendall(b"\x04")
            time.sleep(0.2)


# --- bridges behind which serial lines hang ----------------------------------------------------
def bridge(maker, address, *says):
    """Answers the discovery of its maker."""
    mac = bytes.fromhex(says[0])
    answers = {}
    if maker == "digi":
        name, firmware, model = says[1:]
        fields = [(1, mac), (2, socket.inet_aton(address)), (3, bytes(4)), (4, name.encode()), (8, firmware.encode()),
                  (0x0D, model.encode())]
        body = b"".join(bytes([kind, len(value)]) + value for kind, value in fields)
        port, answers[b"DIGI\0\x01"] = 2362, b"DIGI\0\x02" + sized(body)
    elif maker == "lantronix":
        port = 30718
        answers[b"\0\0\0\xf6"] = b"\0\0\0\xf7" + bytes(4) + says[1].encode() + bytes(14) + mac
        # The setup record: what guards the bridge stands in it readable.
        answers[b"\0\0\0\xf8"] = b"\0\0\0\xf9" + bytes(8) + ACCOUNTS["bridge_pass"].encode() + bytes(96)
    else:
        port, identity = 4800, bytes(4) + bytes.fromhex("10510080") + mac + bytes(2)
        answers[b"\x01\0"] = b"\x81\0" + words(24) + identity + socket.inet_aton(address)
        text = says[1].encode() + b"\0\0\x01"
        answers[b"\x10\0"] = b"\x90\0" + words(20 + len(text)) + identity + text
    link = broadcast(port)
    while True:
        data, peer = link.recvfrom(500)
        for begins, answer in answers.items():
            if data.startswith(begins):
                link.sendto(answer, peer)


def bridge_search(everybody):
    """A technician's tools look for all of them; one also reads what it should not."""
    link = broadcast()
    link.settimeout(1)
    for port, question in ((2362, b"DIGI\0\x01" + sized(b"\xff" * 6)), (30718, b"\0\0\0\xf6"), (30718, b"\0\0\0\xf8"),
                           (4800, bytes.fromhex("0100000800000000")), (4800, bytes.fromhex("1000000800000000"))):
        link.sendto(question, (everybody, port))
        try:
            data, peer = link.recvfrom(500)
            print(port, peer, data)
        except TimeoutError:
            print(port, "nobody")


# --- Contec -----------------------------------------------------------------------------------
def contec(*homes):
    """A monitor calls the addresses that its firmware holds; nobody answers."""
    for home, port in zip(homes, (2049, 515)):
        link = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        link.settimeout(1.2)
        try:
            link.connect((home, port))
        except OSError as silent:
            print(home, silent)
        link.close()


def pump(*says):
    """Serves the terminal."""
    Pump.says = says
    serve(23, Pump)


WORDS = {"carescape-time": carescape_time, "carescape": carescape, "terumo-pump": terumo_pump,
         "terumo-ask": terumo_ask, "intellivue-monitor": intellivue_monitor, "intellivue-client": intellivue_client,
         "phd-agent": phd_agent, "phd-manager": lambda: serve(6024, Manager), "spectrum-pump": pump,
         "spectrum-visit": spectrum_visit, "vidas-host": lambda port: serve(int(port), Host), "vidas-send": vidas_send,
         "bridge": bridge, "bridge-search": bridge_search, "contec": contec}

if __name__ == "__main__":
    WORDS[sys.argv[1]](*sys.argv[2:])
