"""Checks the captures: protocols, canaries, sizes. Usage: check.py DIRECTORY"""
import os
import subprocess
import sys

import canaries

# capture: display filters that must match at least once
WANTED = {
    "hospital.pcapng": [
        "dicom.pdu.type == 1", "dicom.pdu.type == 4", "dicom.userinfo.version == \"MR_VE11C\"", "hl7", "smb",
        "smb2", "ntlmssp", "ntlmssp.version.build_number == 7601", "ntlmssp.version.build_number == 2600",
        "ntlmssp.version.build_number == 17763", "dhcp.option.agent_information_option.agent_circuit_id", "browser", "mdns",
        "llmnr", "nbns", "ssdp", "http.user_agent contains \"CryptoAPI\"", "tls.handshake.type == 11",
        "tls.handshake.type == 2", "ssh", "snmp", "dns", "arp", "icmpv6.type == 135", "rdp.client.build == 2600",
        "rdp.client.build == 19045", "ftp", "vlan.id == 10", "vlan.id == 20", "vlan.id == 30", "vlan.id == 40",
        "vlan.id == 50", "dicom contains 30:10:08:00:00:00:52:45:41:44",
        "smb.native_os contains \"Service Pack 3\"", "smb.native_os contains \"Windows 7\"",
        "browser.server == \"FILES01\"", "tcp.flags == 2 && tcp.window_size_value == 8192",
    ],
    "dicom.pcap": ["dicom.pdu.type == 1", "dicom.pdu.type == 3", "dicom.pdu.type == 7", "dicom.userinfo.user_identify", "dicom contains \"DRYPIX\"",
                   "dicom contains 30:10:08:00:00:00:52:45:41:44"],
    "dicom-syntaxes.pcap": [f'dicom contains "{uid}"' for uid in (
        "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.5",
        "1.2.840.10008.1.2.4.70")],
    "hl7.pcap": ["hl7", "tcp contains \"EUI-64\"", "tcp contains \"CS-2500\"", "tcp contains \"IR87\""],
    "bedside.pcap": ["tcp contains \"HEL.R01\"", "udp contains \"MedicalDevice\""],
    "double.pcap": ["tcp.analysis.retransmission"], "midstream.pcap": ["tcp"],
    "dhcp-relay.pcap": ["dhcp.option.agent_information_option.agent_circuit_id", "dhcp.option.dhcp == 5"],
    "names.pcap": ["mdns", "llmnr", "nbns", "browser", "ssdp", "dhcp", "udp.port == 3702"],
    "windows.pcap": ["smb", "smb2", "ntlmssp", "rdp.client.build == 2600", "rdp.client.build == 7601",
                     "smb2.dialect == 0x0311", "smb2.dialect == 0x0210", "tcp.dstport == 3389 && tcp contains 16:03:01"],
    "web.pcap": ["http", "tls.handshake.version == 0x0303", "tls.handshake.type == 11",
                 "tls.handshake.extensions.supported_version == 0x0304"],
    "ssh-snmp.pcap": ["ssh", "snmp", "ftp"],
    "plugs.pcap": ["radius.code == 1", "radius.code == 2", "radius.code == 4", "snmp.version == 1", "snmp.msgVersion == 3"],
    "directory.pcap": ["cldap", "kerberos", "tcp.port == 88 && kerberos", "ldap"],
    "things.pcap": ["bacapp.type == 3", "modbus.func_code == 43", "s7comm", "enip.lir.name", "mqtt.ver == 5", "kip"],
    "voice.pcap": ["sip.Method == \"REGISTER\"", "sip.Status-Code == 200", "rtsp.request", "rtsp.response"],
    "bedside2.pcap": ["xml contains \"ThisModel\"", "http contains \"dicom-web\""],
    "vpn.pcap": ["wg.type == 2", "openvpn && udp", "openvpn && tcp", "isakmp", "vnc"],
    "names6.pcap": ["dhcpv6.msgtype == 7", "vrrp", "ospf", "stp", "lldp"],
    "starts.pcap": ["dhcp.option.vendor_class_id contains \"PXEClient\"", "arp.isprobe == 1", "dhcpv6.msgtype == 4",
                    "dhcp.option.dhcp == 3 && dhcp.option.requested_ip_address && !dhcp.option.dhcp_server_id"],
    "tunnels.pcap": ["gre", "erspan.version == 1", "erspan.version == 2", "vxlan", "geneve", "ieee8021ad", "mpls"],
    "fragments.pcap": ["ip.flags.mf == 1", "ipv6.fraghdr", "ip.fragment.overlap.conflict"],
    "databases.pcap": ["mysql.version", "pgsql.password", "pgsql.parameter_name == \"server_version\"",
                       "tcp.port == 5432 && tls.handshake.type == 1"],
    "mail.pcap": ["smtp.req.command == \"EHLO\"", "smtp.command_line contains \"STARTTLS\"", "pop.request.command", "imap.request",
                  "tls.handshake.type == 1"],
    "quic.pcap": ["quic.version == 1", "quic.version == 0x6b3343cf"],
    "gear.pcap": ["cdp", "eigrp.opcode == 5", "hsrp.state == 16", "ip.dst == 224.0.0.102", "lacp", "capwap.control.header.message_type == 1",
                  "ntp.flags.mode == 4", "ntp.ctrl.flags2.r == 1", "dns && tcp.srcport == 53",
                  "enip.lir.name && udp", "pn_dcp.service_id == 6"],
    "bedside3.pcap": ["udp.dstport == 2000", "udp.dstport == 7000", "udp.dstport == 7001", "udp.dstport == 3073",
                      "tcp contains \"<DEVID>\"", "udp.srcport == 24005", "tcp.port == 6024 && tcp.payload[0:2] == e2:00",
                      "tcp contains \"SIGMA Spectrum\"", "tcp contains \"mtrsl\"", "udp.srcport == 2362",
                      "udp.srcport == 30718", "udp.srcport == 4800", "arp.dst.proto_ipv4 == 202.114.4.119",
                      "ip.dst == 202.114.4.120 && tcp.flags.syn == 1"],
    "desk.pcap": ["dcerpc.pkt_type == 16", "tds.type == 16", "udp.srcport == 1434", "tns.type == 4", "tns.type == 2",
                  "telnet", "sip && tcp", "tcp.dstport == 9100 && tcp contains \"INFO ID\"", "tcp contains \"^XA\"",
                  "tcp contains \"Swarm protocol\"", "tcp.dstport == 5938 && tcp.payload[0:2] == 17:24"],
    "laboratory.pcap": ["tcp contains \"XN-350\"", "tcp contains \"Q|1|\"", "tcp.payload[0] == 5"],
    "cooked.pcap": ["sll", "hl7"], "cooked2.pcap": ["sll", "hl7"], "rawip.pcap": ["ip", "hl7"],
    "loss.pcap": ["tcp.analysis.lost_segment"], "multi-if.pcapng": ["frame.interface_id == 3"],
    "hl7.pcap.gz": ["hl7"], "dicom.pcap.zst": ["dicom"],
}
LIMIT_ONE, LIMIT_ALL = 5_000_000, 12_000_000


def matches(path, display):
    """True when the filter matches a frame."""
    done = subprocess.run(["tshark", "-r", path, "-Y", display, "-c", "200000", "-T", "fields", "-e",
                           "frame.number"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return bool(done.stdout.strip())


def base64_of(line):
    """The login's form on the wire, for its two parts."""
    return next((form.encode() for login, form in canaries.BASIC.items() if line in login.split(":")), line.encode())


def canary_missing(directory):
    """Canaries that occur in no capture in any encoding that the lab uses."""
    data = b""
    for name in sorted(os.listdir(directory)):
        if name.endswith((".pcap", ".pcapng")):
            with open(f"{directory}/{name}", "rb") as capture:
                data += capture.read()
    missing = []
    for line in canaries.lines():
        forms = [line.encode("utf-8"), line.encode("utf-16-le"), base64_of(line)]
        if not line.isascii():
            forms.append(line.encode("shift_jis"))
            # ISO-2022-JP without its escapes, part by part, as DICOM writes names
            forms += [b"".join(part.encode("iso2022_jp")[3:-3] for part in line.split("^")[:1])]
        if not any(form in data for form in forms):
            missing.append(line)
    return missing


def main():
    """Prints what is wrong; ends with 1 if anything is."""
    directory, bad = sys.argv[1], 0
    for name, filters in WANTED.items():
        if not os.path.exists(f"{directory}/{name}"):
            print("missing:", name)
            bad += 1
            continue
        for display in filters:
            if not matches(f"{directory}/{name}", display):
                print(f"{name}: nothing matches {display}")
                bad += 1
    for name in os.listdir(f"{directory}/truth"):
        with open(f"{directory}/truth/{name}", encoding="utf-8") as source:
            text = source.read()
        for line in canaries.lines():
            if line in text:
                print("canary in truth file:", name, line)
                bad += 1
    for line in canary_missing(directory):
        print("canary not in any capture:", line)
        bad += 1
    total = 0
    for name in sorted(os.listdir(directory)):
        if ".pcap" in name:
            size = os.path.getsize(f"{directory}/{name}")
            total += size
            if size > LIMIT_ONE:
                print("too large:", name, size)
                bad += 1
    if total > LIMIT_ALL:
        print("too large together:", total)
        bad += 1
    print("check:", "failed" if bad else "good", f"({total} bytes)")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
