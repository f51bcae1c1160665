"""Sends name and discovery queries from documented bytes.

Usage: names_player.py mdns|llmnr|ssdp-search|ssdp-notify|wsd INTERFACE [arguments]
"""
import socket
import struct
import sys
import time
import uuid


def dns_query(name, kind, number=0):
    """One-question DNS message."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return struct.pack("!HHHHHH", number, 0, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", kind, 1)


def multicast(interface, ttl=1, port=0):
    """IPv4 UDP socket bound to the interface."""
    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    link.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, ttl)
    link.bind(("0.0.0.0", port))
    index = socket.if_nametoindex(interface)
    link.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("4s4si", b"", b"", index))
    link.settimeout(1.5)
    return link


def listen(link):
    """Prints answers until silence."""
    try:
        for _ in range(20):
            data, peer = link.recvfrom(4096)
            print(peer[0], len(data))
    except TimeoutError:
        pass


def main():
    """Sends one kind of query."""
    kind, interface = sys.argv[1:3]
    if kind == "mdns":
        link = multicast(interface, 255)
        link.sendto(dns_query(sys.argv[3], 12), ("224.0.0.251", 5353))
        link.sendto(dns_query("_services._dns-sd._udp.local", 12), ("224.0.0.251", 5353))
        listen(link)
    elif kind == "llmnr":
        link = multicast(interface, 1)
        link.sendto(dns_query(sys.argv[3], 1, 0x5A11), ("224.0.0.252", 5355))
        time.sleep(0.4)
        link.sendto(dns_query(sys.argv[3], 1, 0x5A11), ("224.0.0.252", 5355))
    elif kind == "ssdp-search":
        link = multicast(interface, 4)
        text = ("M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\n"
                "ST: urn:dial-multiscreen-org:service:dial:1\r\nUSER-AGENT: Microsoft Edge/120.0 Windows\r\n\r\n")
        link.sendto(text.encode(), ("239.255.255.250", 1900))
    elif kind == "ssdp-notify":
        link = multicast(interface, 4, 1900)
        text = ("NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nCACHE-CONTROL: max-age=1800\r\n"
                f"LOCATION: {sys.argv[3]}\r\nNT: upnp:rootdevice\r\nNTS: ssdp:alive\r\nSERVER: {sys.argv[4]}\r\n"
                "USN: uuid:4d454930-0200-1000-8001-3cd92b0f5061::upnp:rootdevice\r\n\r\n")
        link.sendto(text.encode(), ("239.255.255.250", 1900))
    elif kind == "wsd":
        link = multicast(interface, 1, 3702)
        number = uuid.uuid5(uuid.NAMESPACE_DNS, interface)
        text = ('<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://www.w3.org/2003/05/'
                'soap-envelope" xmlns:wsa="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:wsd="http://'
                'schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:wsdp="http://schemas.xmlsoap.org/ws/2006/02/'
                'devprof" xmlns:pub="http://schemas.microsoft.com/windows/pub/2005/07"><soap:Header><wsa:To>'
                'urn:schemas-xmlsoap-org:ws:2005:04:discovery</wsa:To><wsa:Action>http://schemas.xmlsoap.org/ws/'
                f'2005/04/discovery/Hello</wsa:Action><wsa:MessageID>urn:uuid:{number}</wsa:MessageID>'
                '</soap:Header><soap:Body><wsd:Hello><wsa:EndpointReference><wsa:Address>urn:uuid:'
                f'{uuid.uuid5(number, "pc")}</wsa:Address></wsa:EndpointReference><wsd:Types>wsdp:Device '
                'pub:Computer</wsd:Types><wsd:MetadataVersion>2</wsd:MetadataVersion></wsd:Hello></soap:Body>'
                '</soap:Envelope>')
        link.sendto(text.encode(), ("239.255.255.250", 3702))


if __name__ == "__main__":
    main()
