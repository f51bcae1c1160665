"""Plays a portal and a laboratory with libraries that speak their protocols.

Usage: services_player.py quic-serve CERT KEY | quic-get IP NAME VERSION | astm-orders IP PORT SENDER
       | astm-results IP PORT SENDER | astm-query IP PORT SENDER | astm-receive PORT | mailboxes IP
"""
import asyncio
import socket
import ssl
import sys
import threading

import canaries

TEXTS, ACCOUNTS = canaries.TEXTS, canaries.ACCOUNTS


# --- QUIC: aioquic ---------------------------------------------------------------
def quic_serve(cert, key):
    """HTTP/3 that answers everything with one page."""
    from aioquic.asyncio import QuicConnectionProtocol, serve
    from aioquic.h3.connection import H3_ALPN, H3Connection
    from aioquic.h3.events import HeadersReceived
    from aioquic.quic.configuration import QuicConfiguration
    from aioquic.quic.packet import QuicProtocolVersion

    class Portal(QuicConnectionProtocol):
        """One connection."""

        http = None

        def quic_event_received(self, event):
            self.http = self.http or H3Connection(self._quic)
            for told in self.http.handle_event(event):
                if isinstance(told, HeadersReceived):
                    self.http.send_headers(told.stream_id, [(b":status", b"200"), (b"server", b"portal")])
                    self.http.send_data(told.stream_id, b"intranet\n", end_stream=True)
                    self.transmit()

    settings = QuicConfiguration(is_client=False, alpn_protocols=H3_ALPN, supported_versions=[
        QuicProtocolVersion.VERSION_1, QuicProtocolVersion.VERSION_2])
    settings.load_cert_chain(cert, key)

    async def run():
        await serve("0.0.0.0", 443, configuration=settings, create_protocol=Portal)
        await asyncio.Event().wait()
    asyncio.run(run())


def quic_get(address, name, version):
    """One page, asked for by name in one version only."""
    from aioquic.asyncio import QuicConnectionProtocol, connect
    from aioquic.h3.connection import H3_ALPN, H3Connection
    from aioquic.quic.configuration import QuicConfiguration
    from aioquic.quic.packet import QuicProtocolVersion
    number = {"1": QuicProtocolVersion.VERSION_1, "2": QuicProtocolVersion.VERSION_2}[version]
    settings = QuicConfiguration(alpn_protocols=H3_ALPN, server_name=name, verify_mode=ssl.CERT_NONE,
                                 original_version=number, supported_versions=[number])

    class Page(QuicConnectionProtocol):
        """One connection; `done` when something was answered."""

        def __init__(self, *words, **more):
            super().__init__(*words, **more)
            self.http, self.done = H3Connection(self._quic), asyncio.Event()

        def quic_event_received(self, event):
            for told in self.http.handle_event(event):
                print(told)
                self.done.set()

    async def run():
        async with connect(address, 443, configuration=settings, create_protocol=Page) as link:
            stream = link._quic.get_next_available_stream_id()
            link.http.send_headers(stream, [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", name.encode()),
                                            (b":path", b"/")], end_stream=True)
            link.transmit()
            await asyncio.wait_for(link.done.wait(), 5)
    asyncio.run(run())


# --- mail: the standard library ------------------------------------------------------
def mailboxes(address):
    """Looks into a mailbox by name and password as they are, which curl no more does."""
    import imaplib
    import poplib
    who = ACCOUNTS["mail_user"], ACCOUNTS["mail_pass"]
    box = poplib.POP3(address)
    print(box.user(who[0]), box.pass_(who[1]), box.retr(1), box.quit())
    with imaplib.IMAP4(address) as box:
        print(box.login(*who), box.select("INBOX", readonly=True), box.search(None, "SUBJECT", f'"{TEXTS["mail_subject"]}"'))


# --- LIS01 and LIS02: labmcp-astm-lis -------------------------------------------------
def header(sender, processing="P"):
    """H: the system that sends, and what the message is for."""
    return f"H|\\^&|||{sender}|||||LIS||{processing}|LIS2-A2|20260302101500"


PATIENT = f"P|1||{TEXTS['astm_id']}||{TEXTS['astm_patient']}||19450812|F"
PANEL = "\\".join(f"^^^^{code}" for code in (
    "WBC RBC HGB HCT MCV MCH MCHC PLT NEUT% LYMPH% MONO% EO% BASO% NEUT# LYMPH# MONO# EO# BASO# RDW-SD RDW-CV PDW MPV P-LCR "
    "PCT NRBC# NRBC% IG# IG% RET% RET# IRF LFR MFR HFR RET-He").split())


def astm_receive(port):
    """Checks and acknowledges frames and takes messages apart."""
    from labmcp_astm_lis.driver import ASTMReceiver, ListenTransport, ResultStore
    store = ResultStore()
    ASTMReceiver(lambda: ListenTransport("0.0.0.0", int(port)), mode="listen", where="lab", store=store, redact=False)
    threading.Event().wait()


def astm_send(address, port, messages):
    """Messages one after another; the second frame is damaged under way and sent again."""
    from labmcp_astm_lis.simulator import ASTMAnalyzerSimulator
    sender = ASTMAnalyzerSimulator(messages, gap_s=0.3, corrupt=((0, 1),))
    with socket.create_connection((address, int(port)), 5) as link:
        link.settimeout(5)
        sender.attach(link.sendall)
        while sender.messages_sent < len(messages):
            answer = link.recv(64)
            if not answer:
                break
            link.sendall(sender.handle_bytes(answer))
    sender.stop()
    print(sender.log)


def astm_orders(address, port, sender):
    """What the laboratory system wants measured."""
    order = f"O|1|{TEXTS['astm_sample']}||{PANEL}|R|20260302100000|||||A||||Whole blood"
    astm_send(address, port, [[header(sender), PATIENT, order, "L|1|N"]])


def astm_results(address, port, sender):
    """What an analyser found: of a patient, and of a control sample."""
    order = f"O|1|{TEXTS['astm_sample']}|^^1|{PANEL}|R|20260302100000|||||N||||Whole blood||||||||||F"
    found = [f"R|{number}|^^^^{code}^1|{value}|{unit}||N||F||||20260302101412"
             for number, (code, value, unit) in enumerate((("WBC", "5.10", "10*3/uL"), ("HGB", "13.9", "g/dL")), 1)]
    control = ["O|1|QC-L2||^^^^WBC|R||||||Q", "R|1|^^^^WBC^1|6.98|10*3/uL||N||F||||20260302101431"]
    astm_send(address, port, [[header(sender), PATIENT, order, *found, f"C|1|I|{TEXTS['obx']}|G", "L|1|N"],
                              [header(sender, "Q"), *control, "L|1|N"]])


def astm_query(address, port, sender):
    """An analyser asks what to measure of a tube."""
    astm_send(address, port, [[header(sender), f"Q|1|^{TEXTS['astm_sample']}||ALL||||||||O", "L|1|N"]])


WORDS = {"quic-serve": quic_serve, "quic-get": quic_get, "astm-orders": astm_orders, "astm-results": astm_results,
         "astm-query": astm_query, "astm-receive": astm_receive,
         "mailboxes": mailboxes}

if __name__ == "__main__":
    WORDS[sys.argv[1]](*sys.argv[2:])
