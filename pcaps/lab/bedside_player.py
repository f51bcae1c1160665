"""Plays a glucose meter (POCT1-A over TCP) and an SDC ventilator (WS-Discovery).

Usage: bedside_player.py poct-send IP PORT | poct-receive PORT | sdc-hello INTERFACE IP
Text layouts: CLSI POCT1-A2; IEEE 11073-20702 and SDPi scopes.
"""
import re
import socket
import socketserver
import sys
import time
import uuid

import canaries
from hl7_player import serve
from names_player import multicast

TEXTS = canaries.TEXTS


def message(kind, number, body):
    """One POCT1 message with its header."""
    return (f'<?xml version="1.0" encoding="UTF-8"?>\r\n<{kind}>\r\n <HDR>\r\n  <HDR.message_type V="{kind}"/>\r\n'
            f'  <HDR.control_id V="{number}"/>\r\n  <HDR.version_id V="POCT1"/>\r\n'
            f'  <HDR.creation_dttm V="2026-03-02T10:40:1{number % 10}+09:00"/>\r\n </HDR>\r\n{body}</{kind}>\r\n').encode()


def elements(group, **values):
    """A POCT1 group with V attributes."""
    lines = "".join(f'  <{group}.{key} V="{value}"/>\r\n' for key, value in values.items())
    return f" <{group}>\r\n{lines} </{group}>\r\n"


HELLO = (elements("DEV", device_id="ICU^GLU2", vendor_id="NOVABIO", model_id="StatStrip", serial_id="0600122871",
                  manufacturer_name="Nova Biomedical", hw_version="K1", sw_version="3.10.8.0",
                  device_name="Glucose meter")
         + elements("DCP", application_timeout="60")
         + elements("DSC", connection_profile_cd="SA", topics_supported_cd="D_EV", max_message_sz="4096"))
STATUS = elements("DST", status_dttm="2026-03-02T10:40:12+09:00", new_observations_qty="1", condition_cd="R")
RESULT = (" <SVC>\r\n  <SVC.role_cd V=\"OBS\"/>\r\n  <SVC.observation_dttm V=\"2026-03-02T10:31:00+09:00\"/>\r\n"
          f"  <PT><PT.patient_id V=\"{TEXTS['poct_id']}\"/><PT.name V=\"{TEXTS['poct_name']}\"/>"
          "<OBS><OBS.observation_id V=\"2339-0\" SN=\"LN\" DN=\"Glucose\"/><OBS.value V=\"97\" U=\"mg/dL\"/>"
          f"<OBS.method_cd V=\"M\"/></OBS></PT>\r\n  <OPR><OPR.operator_id V=\"{TEXTS['poct_operator']}\"/></OPR>\r\n"
          " </SVC>\r\n")


def poct_send(ip, port):
    """One session: hello, status, result, end."""
    with socket.create_connection((ip, port), 10) as link:
        link.settimeout(10)
        for number, (kind, body) in enumerate((("HEL.R01", HELLO), ("DST.R01", STATUS), ("OBS.R01", RESULT),
                                               ("EOT.R01", elements("EOT", topic_cd="OBS"))), 1):
            link.sendall(message(kind, number, body))
            print(kind, len(link.recv(4096)))
            time.sleep(0.1)


class PoctReceiver(socketserver.BaseRequestHandler):
    """The data manager: acknowledges every message."""

    def handle(self):
        number = 100
        while True:
            data = self.request.recv(8192)
            if not data:
                return
            found = re.search(rb'control_id V="(\d+)"', data)
            number += 1
            self.request.sendall(message("ACK.R01", number, elements(
                "ACK", type_cd="AA", ack_control_id=found.group(1).decode() if found else "")))


def sdc_hello(interface, ip):
    """WS-Discovery Hello of a medical device that names maker, serial and place."""
    number = uuid.uuid5(uuid.NAMESPACE_DNS, "sdc-ventilator")
    scopes = ("sdc.mds.pkp:1.2.840.10004.20701.1.1 sdc.mds.prodspec:Dr%C3%A4ger:531970 "
              "sdc.mds.prodspec:ASKF-0042:531972 sdc.mds.prodspec:Evita%20V800:531969 "
              "sdc.ctxt.loc:/sdc.ctxt.loc.detail/HOSHI%2F%2F%2FICU%2F%2FBED03?fac=HOSHI&amp;poc=ICU&amp;bed=BED03")
    text = ('<?xml version="1.0" encoding="UTF-8"?><s12:Envelope xmlns:s12="http://www.w3.org/2003/05/soap-envelope" '
            'xmlns:wsa="http://www.w3.org/2005/08/addressing" xmlns:wsd="http://docs.oasis-open.org/ws-dd/ns/'
            'discovery/2009/01" xmlns:dpws="http://docs.oasis-open.org/ws-dd/ns/dpws/2009/01" xmlns:mdpws="http://'
            'standards.ieee.org/downloads/11073/11073-20702-2016"><s12:Header><wsa:To>urn:docs-oasis-open-org:ws-dd:'
            'ns:discovery:2009:01</wsa:To><wsa:Action>http://docs.oasis-open.org/ws-dd/ns/discovery/2009/01/Hello'
            f'</wsa:Action><wsa:MessageID>urn:uuid:{number}</wsa:MessageID><wsd:AppSequence InstanceId="1772" '
            'MessageNumber="1"/></s12:Header><s12:Body><wsd:Hello><wsa:EndpointReference><wsa:Address>urn:uuid:'
            f'{uuid.uuid5(number, "epr")}</wsa:Address></wsa:EndpointReference><wsd:Types>dpws:Device '
            f'mdpws:MedicalDevice</wsd:Types><wsd:Scopes>{scopes}</wsd:Scopes><wsd:XAddrs>https://{ip}:6464/'
            f'{uuid.uuid5(number, "epr").hex}</wsd:XAddrs><wsd:MetadataVersion>1</wsd:MetadataVersion></wsd:Hello>'
            '</s12:Body></s12:Envelope>')
    link = multicast(interface, 1, 3702)
    for _ in range(2):
        link.sendto(text.encode(), ("239.255.255.250", 3702))
        time.sleep(0.3)


def main():
    """Dispatches on the first word."""
    word = sys.argv[1]
    if word == "poct-send":
        poct_send(sys.argv[2], int(sys.argv[3]))
    elif word == "poct-receive":
        serve(int(sys.argv[2]), PoctReceiver)
    elif word == "sdc-hello":
        sdc_hello(*sys.argv[2:4])


if __name__ == "__main__":
    main()
