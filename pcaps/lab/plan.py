"""The hospital: VLANs, hosts, and what is true about each host.

`facts` is what a correct sensor may say; `traps` is what it must not say;
`evidence` is a list of (display filter, field) pairs that truth.py resolves to
frame numbers with tshark, always restricted to the host's own address.
"""

ROUTER_MAC = "00:1b:54:c2:10:fe"          # Cisco
DOMAIN = "hoshikawa.example"

VLANS = {                                  # id: (network prefix, router leg)
    10: ("10.20.10", "servers"),
    20: ("10.20.20", "radiology"),
    30: ("10.20.30", "laboratory"),
    40: ("10.20.40", "icu"),
    50: ("10.20.50", "offices"),
}

# os_kind decides the sysctls and the rewriting of SYN options at the end.
HOSTS = {}


def host(name, vlan, last, mac, os_kind="linux", facts=None, traps=(), evidence=(), v6=False):
    """Adds one host; its address is the VLAN's prefix plus `last`."""
    HOSTS[name] = {
        "name": name, "vlan": vlan, "mac": mac, "os_kind": os_kind,
        "ip": f"{VLANS[vlan][0]}.{last}",
        "ip6": f"fd20:0:0:{vlan}::{last}" if v6 else None,
        "facts": facts or {}, "traps": list(traps), "evidence": list(evidence),
    }


# --- servers, VLAN 10 -------------------------------------------------------
host("infra", 10, 5, "00:50:56:a1:10:05", v6=True, facts={
    "role": "DHCP server, DNS server", "software": "dnsmasq 2.90", "service": "dns, dhcp",
    "fqdn": f"infra.{DOMAIN}"},
    evidence=[("dhcp.option.dhcp == 5", "dhcp.option.dhcp_server_id")])
host("pacs", 10, 11, "00:50:56:a1:10:11", facts={
    "role": "DICOM archive", "device_type": "PACS", "ae_title": "HOSHIPACS",
    "software": "Orthanc (DCMTK 3.6.7)", "service": "dicom:104, http:8042",
    "fqdn": f"pacs.{DOMAIN}"},
    traps=["manufacturer/model/serial of any scanner whose images it forwards",
           "Siemens MAGNETOM Skyra", "CANON_MEC Aquilion ONE", "VMware as device vendor"],
    evidence=[("dicom.pdu.type == 2", "dicom.assoc.ae.called"),
              ("dicom.pdu.type == 2", "dicom.userinfo.uid"),
              ("dicom.pdu.type == 1", "dicom.assoc.ae.calling"),
              ("http.response", "http.content_type")])
host("ris", 10, 12, "00:50:56:a1:10:12", facts={
    "role": "modality worklist and MPPS server", "device_type": "RIS", "ae_title": "HOSHIRIS",
    "software": "pynetdicom 3.0", "service": "dicom:11112, hl7:2575", "fqdn": f"ris.{DOMAIN}"},
    traps=["any scanner's manufacturer or model"],
    evidence=[("dicom.pdu.type == 2", "dicom.userinfo.version"),
              ("hl7", "hl7.segment")])
host("engine", 10, 13, "00:50:56:a1:10:13", facts={
    "role": "HL7 interface engine", "device_type": "interface engine",
    "software": "Kakehashi Link 4.2.1", "vendor": "Kakehashi Interop KK",
    "service": "hl7:2575, hl7:6661"},
    traps=["Sysmex", "Philips", "patient monitor", "analyser"],
    evidence=[("hl7", "hl7.segment")])
host("his", 10, 14, "3c:d9:2b:14:0e:14", facts={
    "role": "HIS / ADT sender", "device_type": "HIS", "software": "Minato HIS 7.3.0",
    "vendor": "Minato Systems"},
    traps=["Hewlett Packard as vendor of the software"],
    evidence=[("hl7", "hl7.segment")])
host("files", 10, 15, "3c:d9:2b:14:0e:15", facts={
    "role": "file server", "device_type": "server", "os_family": "Linux/Unix",
    "software": "Samba 4.17.12-Debian", "hostname": "FILES01", "service": "smb:445, netbios"},
    traps=["Windows 6.1", "Windows 7", "Windows Server 2008 R2", "SMB1 native OS as the real OS"],
    evidence=[("smb.cmd == 0x73", "smb.native_lanman"), ("smb2.cmd == 0", "smb2.dialect"),
              ("browser", "browser.server")])
host("dcmroute", 10, 16, "00:50:56:a1:10:16", facts={
    "role": "DICOM router", "device_type": "DICOM router", "ae_title": "DCMROUTE",
    "software": "DCMTK 3.6.7 (OFFIS_DCMTK_367)", "service": "dicom:11112"},
    traps=["Philips EPIQ", "HOLOGIC Selenia Dimensions", "modality"],
    evidence=[("dicom.pdu.type == 1", "dicom.assoc.ae.calling"),
              ("dicom.pdu.type == 1", "dicom.userinfo.version")])
host("web", 10, 17, "3c:d9:2b:14:0e:17", v6=True, facts={
    "role": "web server", "device_type": "server", "os": "Debian 12",
    "os_family": "Linux", "software": "nginx 1.22.1, OpenSSH 9.2p1, vsFTPd 3.0.3",
    "service": "http:80, https:443, ssh:22, ftp:21, snmp:161", "fqdn": f"intra.{DOMAIN} / web.{DOMAIN}"},
    traps=["Cisco (the router's MAC carries its packets in the other VLANs)"],
    evidence=[("http.response", "http.server"), ("ssh.protocol", "ssh.protocol"),
              ("tls.handshake.type == 11", "x509sat.uTF8String"),
              ("ftp.response", "ftp.response.arg"), ("snmp", "snmp.value.octets")])
host("term", 10, 18, "00:50:56:a1:10:18", facts={
    "role": "RDP server", "device_type": "server", "software": "xrdp", "service": "rdp:3389"},
    traps=["Windows"],
    evidence=[("rdp.neg_type == 2", "rdp.neg_type")])

# --- radiology, VLAN 20 -----------------------------------------------------
host("mri", 20, 21, "00:18:65:2e:91:21", "win7", facts={
    "os": "Windows 7 SP1", "os_family": "Windows", "os_build": "6.1.7601",
    "hostname": "AWP41587", "vendor": "Siemens", "model": "MAGNETOM Skyra", "serial": "41587",
    "sw_version": "syngo MR E11", "device_type": "MRI scanner", "modality": "MR",
    "ae_title": "MRC41587", "role": "modality", "department": "Radiology MR1"},
    traps=["Windows Server 2008 R2", "Orthanc as software of the scanner"],
    evidence=[("dicom.pdu.type == 1", "dicom.assoc.ae.calling"),
              ("dicom.pdu.type == 1", "dicom.userinfo.uid"),
              ("dicom.pdu.type == 1", "dicom.userinfo.version"),
              ("dicom element", "(0008,1090)"),
              ("ntlmssp.version", "ntlmssp.version.build_number"),
              ("dicom element", "(0018,1000)"), ("dicom element", "(0018,1020)"),
              ("smb.native_os", "smb.native_os"),
              ("browser.command == 1", "browser.server"), ("browser.command == 1", "browser.os_major"),
              ("dhcp", "dhcp.option.vendor_class_id"), ("dhcp", "dhcp.option.hostname"),
              ("nbns", "nbns.name"), ("http.request", "http.user_agent")])
host("ct", 20, 22, "3c:d9:2b:7a:20:22", "win10", facts={
    "os": "Windows 10 LTSC 2019 (or Server 2019 by build alone)", "os_family": "Windows",
    "os_build": "10.0.17763", "hostname": "AQONE-CON1", "vendor": "Canon Medical Systems",
    "model": "Aquilion ONE", "serial": "1ACAN20B22", "sw_version": "V10.10ER003",
    "device_type": "CT scanner", "modality": "CT", "ae_title": "AQONE1", "role": "modality",
    "institution": "星川大学医学部附属病院"},
    traps=["Hewlett Packard as the scanner's vendor", "Windows 11"],
    evidence=[("dicom.pdu.type == 1", "dicom.assoc.ae.calling"),
              ("dicom element", "(0008,1090)"),
              ("ntlmssp.version", "ntlmssp.version.build_number"),
              ("dhcp", "dhcp.option.hostname"), ("http.request", "http.user_agent")])
host("us", 20, 23, "00:09:5c:41:20:23", "win10", facts={
    "os": "Windows 10 LTSC 2019 (or Server 2019 by build alone)", "os_family": "Windows",
    "os_build": "10.0.17763", "hostname": "EPIQ7-ECHO2",
    "vendor": "Philips", "model": "EPIQ 7G", "serial": "US723C0912",
    "sw_version": "EPIQ 7G_7.0.5.1122", "device_type": "ultrasound", "modality": "US",
    "ae_title": "EPIQ7_ECHO", "role": "modality"},
    traps=["Windows 11"],
    evidence=[("dicom.pdu.type == 1", "dicom.assoc.ae.calling"),
              ("dicom.pdu.type == 1", "dicom.userinfo.version"),   # its data sets are deflated
              ("ntlmssp.version", "ntlmssp.version.build_number"),
              ("smb2.cmd == 0", "smb2.dialect"),
              ("browser.command == 1", "browser.server"), ("nbns", "nbns.name"),
              ("dhcp", "dhcp.option.vendor_class_id"), ("dhcp", "dhcp.option.hostname"),
              ("http.request", "http.user_agent")])
host("cr", 20, 24, "88:b4:36:0c:20:24", "winxp", facts={
    "os": "Windows XP SP3", "os_family": "Windows", "os_build": "5.1.2600",
    "hostname": "FCR-CAPS2", "vendor": "FUJIFILM", "model": "CR-IR 363", "serial": "96470218",
    "sw_version": "A09-05", "device_type": "CR reader", "modality": "CR",
    "ae_title": "FCRCAPS2", "role": "modality", "software": "DCMTK 3.6.7 (OFFIS_DCMTK_367)"},
    evidence=[("dicom.pdu.type == 1", "dicom.assoc.ae.calling"),
              ("dicom element", "(0008,1090)"),
              ("smb.cmd == 0x73", "smb.native_os"),
              ("ntlmssp.version", "ntlmssp.version.build_number"),
              ("browser.command == 1", "browser.server"),
              ("rdp.client.build", "rdp.client.build"), ("dhcp", "dhcp.option.hostname")])
host("mg", 20, 25, "d8:9e:f3:5b:20:25", "win7", facts={
    "os": "Windows 7 SP1", "os_family": "Windows", "os_build": "6.1.7601",
    "hostname": "HOLOGIC-MG1",
    "vendor": "HOLOGIC", "model": "Selenia Dimensions", "serial": "81003140877",
    "sw_version": "AWS:1.9.1.34", "device_type": "mammography", "modality": "MG",
    "ae_title": "DIMS_MG1", "role": "modality"},
    traps=["Dell as the mammography unit's vendor", "Windows Server 2008 R2"],
    evidence=[("dicom.pdu.type == 1", "dicom.assoc.ae.calling"),
              ("dicom.pdu.type == 1", "dicom.userinfo.version"),
              ("dicom element", "(0008,1090)"),
              ("ntlmssp.version", "ntlmssp.version.build_number"),
              ("browser.command == 1", "browser.server"), ("browser.command == 1", "browser.os_major"),
              ("nbns", "nbns.name"),
              ("dhcp", "dhcp.option.vendor_class_id"), ("dhcp", "dhcp.option.hostname"),
              ("http.request", "http.user_agent")])
host("film", 20, 26, "88:b4:36:11:20:26", facts={
    "vendor": "FUJIFILM", "model": "DRYPIX Smart", "serial": "76512044", "sw_version": "V4.1",
    "device_type": "film printer", "ae_title": "DRYPIX1", "role": "DICOM print server"},
    evidence=[("dicom.pdu.type == 2", "dicom.assoc.ae.called"), ("dicom element", "(0008,1090)"),
              ("dicom element", "(0018,1000)")])
host("view", 20, 31, "d8:9e:f3:5b:20:31", "win10", facts={
    "os": "Windows 10 22H2", "os_family": "Windows", "os_build": "10.0.19045",
    "hostname": "READ-WS1", "device_type": "viewing workstation", "ae_title": "READWS1",
    "role": "DICOM query/retrieve client, storage SCP", "software": "DCMTK 3.6.7 (OFFIS_DCMTK_367)"},
    traps=["modality", "CANON_MEC Aquilion ONE", "manufacturer of received images"],
    evidence=[("dicom.pdu.type == 1", "dicom.assoc.ae.calling"),
              ("ntlmssp.version", "ntlmssp.version.build_number")])

# --- laboratory, VLAN 30 ----------------------------------------------------
host("xn", 30, 41, "00:06:6b:33:30:41", facts={
    "vendor": "Sysmex", "model": "XN-1000", "serial": "24683", "sw_version": "00-21",
    "device_type": "haematology analyser", "role": "HL7 ORU sender"},
    evidence=[("hl7", "hl7.segment")])
host("coag", 30, 42, "00:06:6b:33:30:42", facts={
    "vendor": "Sysmex", "model": "CS-2500", "serial": "21879", "sw_version": "01-70",
    "device_type": "coagulation analyser", "role": "ASTM/LIS02 sender"},
    evidence=[("tcp.dstport == 4010 && tcp.len > 20", "tcp.dstport")])
host("lis", 30, 45, "d8:9e:f3:5b:30:45", facts={
    "role": "laboratory system (ASTM host)", "device_type": "LIS", "service": "astm:4010"},
    traps=["Sysmex", "analyser"], evidence=[("tcp.srcport == 4010", "tcp.srcport")])

# --- intensive care, VLAN 40 ------------------------------------------------
host("mongw", 40, 51, "00:09:fb:05:40:51", facts={
    "vendor": "Philips", "model": "IntelliVue Information Center", "sw_version": "C.03.12",
    "device_type": "patient monitor gateway", "role": "HL7 device observation reporter"},
    traps=["one patient monitor (it speaks for several)"],
    evidence=[("hl7", "hl7.segment")])

host("glucose", 40, 55, "00:40:9d:6a:40:55", facts={
    "vendor": "Nova Biomedical", "model": "StatStrip", "serial": "0600122871", "sw_version": "3.10.8.0",
    "device_type": "glucose meter", "role": "POCT1-A device"},
    traps=["Digi International as the meter's vendor"],
    evidence=[("tcp contains \"HEL.R01\"", "tcp.dstport")])
host("vent", 40, 56, "00:30:e6:15:40:56", facts={
    "vendor": "Dräger", "serial": "ASKF-0042", "device_type": "SDC medical device",
    "role": "SDC service provider", "service": "https:6464"},
    evidence=[("udp.port == 3702", "udp.dstport")])

# --- offices, VLAN 50 -------------------------------------------------------
host("printer", 50, 61, "3c:d9:2b:0f:50:61", facts={
    "vendor": "HP", "model": "LaserJet Enterprise M507", "serial": "PHBBQ41877",
    "hostname": "PRN-RECEPTION", "device_type": "printer", "service": "ipp:631, snmp:161"},
    evidence=[("dhcp", "dhcp.option.vendor_class_id"), ("mdns", "dns.ptr.domain_name"),
              ("snmp", "snmp.value.octets")])
host("pc", 50, 71, "d8:9e:f3:5b:50:71", "win10", facts={
    "os": "Windows 10 or 11, build 19045 = Windows 10 22H2", "os_family": "Windows",
    "os_build": "10.0.19045", "hostname": "RECEP-PC07", "device_type": "workstation"},
    traps=["modality", "server"],
    evidence=[("ntlmssp.version", "ntlmssp.version.build_number"),
              ("dhcp", "dhcp.option.hostname"), ("llmnr", "dns.qry.name"),
              ("http.request", "http.user_agent")])
host("admin", 50, 72, "d8:9e:f3:5b:50:72", v6=True, facts={
    "os_family": "Linux", "device_type": "workstation", "hostname": "admin-ws",
    "software": "curl/7.88.1, OpenSSH 9.2p1 Debian, dhclient"},
    evidence=[("dhcp", "dhcp.option.hostname"), ("ssh.protocol", "ssh.protocol"),
              ("http.request", "http.user_agent"), ("mdns", "dns.resp.name")])
host("kiosk", 50, 73, "b8:27:eb:61:50:73", facts={
    "os_family": "Linux (BusyBox)", "device_type": "kiosk", "hostname": "queue-display",
    "vendor": "Raspberry Pi (board)", "software": "udhcp 1.35.0"},
    evidence=[("dhcp", "dhcp.option.vendor_class_id"), ("dhcp", "dhcp.option.hostname")])


def flat_hosts():
    """The same machines on one network without VLANs, for the small captures."""
    out = {}
    for name, row in HOSTS.items():
        last = row["ip"].rsplit(".", 1)[1]
        out[name] = dict(row, vlan=None, ip=f"10.20.10.{last}",
                         ip6=f"fd20:0:0:10::{last}" if row["ip6"] else None)
    return out
