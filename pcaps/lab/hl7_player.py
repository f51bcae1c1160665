"""Sends and receives HL7 over MLLP, and ASTM/LIS02 over TCP.

Usage: hl7_player.py send IP PORT NAME[,NAME...] [--split] [--enhanced-ack]
       hl7_player.py receive PORT APP FACILITY [SFT...]
       hl7_player.py astm-send IP PORT
       hl7_player.py astm-receive PORT
"""
import socket
import socketserver
import sys
import time

from hl7_messages import ASTM, MESSAGES


def read_frame(link):
    """Reads one MLLP frame; returns its bytes without framing, or None at the end."""
    data = b""
    while b"\x1c" not in data:
        part = link.recv(4096)
        if not part:
            return None
        data += part
    return data.strip(b"\x0b").split(b"\x1c")[0]


def send(ip, port, names, split):
    """Sends messages one after another and waits for each answer."""
    with socket.create_connection((ip, port), 10) as link:
        link.settimeout(10)
        for name in names:
            frame = MESSAGES[name]()
            if split:      # a slow sender: one message in many segments
                for start in range(0, len(frame), 90):
                    link.sendall(frame[start:start + 90])
                    time.sleep(0.02)
            else:
                link.sendall(frame)
            answer = read_frame(link)
            print(name, "->", (answer or b"no answer")[:60])
            time.sleep(0.2)


class Receiver(socketserver.BaseRequestHandler):
    """Answers every message with an application acknowledgement."""
    app = facility = ""
    software = None

    def handle(self):
        while True:
            message = read_frame(self.request)
            if message is None:
                return
            fields = message.replace(b"\n", b"\r").split(b"\r")[0].split(b"|")
            control = fields[9] if len(fields) > 9 else b""
            ack = [f"MSH|^~\\&|{self.app}|{self.facility}|".encode() + fields[2] + b"|" + fields[3]
                   + b"|20260302091456||ACK|A" + control + b"|P|2.5.1"]
            if self.software:
                ack.append(b"SFT|" + self.software.encode())
            ack.append(b"MSA|AA|" + control)
            self.request.sendall(b"\x0b" + b"\r".join(ack) + b"\r\x1c\r")


def serve(port, handler):
    """Serves one handler class until ended."""
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    with socketserver.ThreadingTCPServer(("0.0.0.0", port), handler) as server:
        server.daemon_threads = True
        server.serve_forever()


def astm_frame(number, text):
    """LIS01 frame with checksum."""
    body = f"{number % 8}{text}\r".encode() + b"\x03"
    return b"\x02" + body + b"%02X\r\n" % (sum(body) % 256)


def astm_send(ip, port):
    """One LIS01 session."""
    with socket.create_connection((ip, port), 10) as link:
        link.settimeout(10)
        link.sendall(b"\x05")
        link.recv(1)
        for number, record in enumerate(ASTM, 1):
            link.sendall(astm_frame(number, record))
            link.recv(1)
        link.sendall(b"\x04")
        time.sleep(0.3)


class AstmReceiver(socketserver.BaseRequestHandler):
    """Acknowledges enquiries and frames."""

    def handle(self):
        while True:
            data = self.request.recv(4096)
            if not data or data == b"\x04":
                return
            self.request.sendall(b"\x06")


def main():
    """Dispatches on the first word."""
    word = sys.argv[1]
    if word == "send":
        send(sys.argv[2], int(sys.argv[3]), sys.argv[4].split(","), "--split" in sys.argv)
    elif word == "receive":
        Receiver.app, Receiver.facility = sys.argv[3:5]
        Receiver.software = sys.argv[5] if len(sys.argv) > 5 else None
        serve(int(sys.argv[2]), Receiver)
    elif word == "astm-send":
        astm_send(sys.argv[2], int(sys.argv[3]))
    elif word == "astm-receive":
        serve(int(sys.argv[2]), AstmReceiver)


if __name__ == "__main__":
    main()
