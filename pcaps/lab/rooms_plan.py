"""The rooms: hosts of the captures of plant, telephones, tunnels and switches, and what is true of them.

The form is that of plan.py; all are on one flat network, 10.20.60.0/24. `says` is how a host's
software is told who it is; a host without `namespace` is only spoken about.
"""
DOMAIN = "hoshikawa.example"
ROOMS = {}


def host(capture, name, last, mac, facts=None, says="", traps=(), evidence=(), v6=False, namespace=True):
    """Adds one host to a capture."""
    ROOMS.setdefault(capture, {})[name] = {
        "name": name, "vlan": None, "mac": mac, "os_kind": "linux", "ip": f"10.20.60.{last}",
        "ip6": f"fd20:0:0:60::{last}" if v6 else None, "facts": facts or {}, "traps": list(traps),
        "evidence": list(evidence), "says": says, "namespace": namespace}


# --- things: plant and its management -----------------------------------------
THINGS = "things.pcap"
host(THINGS, "bms", 10, "00:50:56:a1:60:10", facts={"role": "building management client"},
     traps=["Siemens", "Rockwell", "Schneider"])
host(THINGS, "ahu", 21, "00:60:f3:0c:60:21", facts={
    "vendor": "Azbil", "model": "Infilex AC WJ-1101W", "serial": "AZ21870043", "sw_version": "2.14",
    "device_type": "building controller", "service": "bacnet:47808"},
    says="病棟空調-AHU3 本館地下1階機械室 85 'Azbil Corporation' 'Infilex AC WJ-1101W' 2.14 3.0.8 AZ21870043",
    evidence=[("bacapp.type == 3", "bacapp.string_character_set")])
host(THINGS, "meter", 22, "00:80:f4:2b:60:22", facts={
    "vendor": "Schneider Electric", "model": "PM5560", "sw_version": "2.7.4", "device_type": "meter",
    "service": "modbus:502"},
    says="'Schneider Electric' METSEPM5560 V2.7.4 'PowerLogic PM5560' PM5560",
    evidence=[("modbus.func_code == 43 && tcp.srcport == 502", "modbus.object_str_value")])
host(THINGS, "boiler", 23, "00:1b:1b:3e:60:23", facts={
    "vendor": "Siemens", "model": "6ES7 315-2EH14-0AB0", "device_type": "PLC", "service": "s7comm:102"}, evidence=[("s7comm && tcp.srcport == 102", "s7comm.header.rosctr")])
host(THINGS, "lift", 24, "00:00:bc:5a:60:24", facts={
    "vendor": "Rockwell Automation", "model": "1756-L61/B LOGIX5561", "serial": "006c061a", "sw_version": "20.11",
    "device_type": "PLC", "service": "enip:44818"}, evidence=[("enip.command == 0x63 && tcp.srcport == 44818", "enip.lir.name")])
host(THINGS, "broker", 25, "00:50:56:a1:60:25", facts={"role": "MQTT broker", "service": "mqtt:1883"},
     evidence=[("mqtt.msgtype == 2", "mqtt.msgtype")])
host(THINGS, "fridge", 26, "24:0a:c4:17:60:26", facts={"role": "MQTT client that logs on in clear"},
     traps=["a broker"], evidence=[("mqtt.msgtype == 1", "mqtt.ver")])

# --- bedside2 -------------------------------------------------------------------
BEDSIDE = "bedside2.pcap"
host(BEDSIDE, "vent2", 31, "00:30:e6:22:60:31", facts={
    "vendor": "Dräger", "model": "Atlan A350", "serial": "ASNK-0107", "sw_version": "1.03",
    "device_type": "SDC medical device"},
    says="Dräger 'Atlan A350' 8621500 '麻酔器 手術室5' 1.03 ASNK-0107",
    traps=["BICEPS descriptors' texts as the device's model"], evidence=[("udp.srcport == 3702 || udp.dstport == 3702", "udp.dstport")])
host(BEDSIDE, "cockpit", 32, "00:50:56:a1:60:32", facts={"role": "SDC consumer"}, traps=["a ventilator", "Dräger"])
host(BEDSIDE, "webpacs", 33, "00:50:56:a1:60:33", facts={
    "role": "DICOM archive", "device_type": "PACS", "service": "http:8042"},
    traps=["FUJIFILM", "the serial number of an image"], evidence=[("http.response", "http.content_type")])
host(BEDSIDE, "viewer2", 34, "d8:9e:f3:5b:60:34", facts={"software": "curl/7.88.1"}, traps=["modality"],
     evidence=[("http.request", "http.user_agent")])

# --- plugs: who is behind which port ----------------------------------------------
PLUGS = "plugs.pcap"
host(PLUGS, "sw", 2, "00:1b:54:c2:60:02", facts={"device_type": "switch", "hostname": "sw-3w-01", "service": "snmp:161"},
     traps=["a monitor", "the location of a socket as the switch's"],
     evidence=[("radius.code == 1", "radius.NAS_Identifier"), ("snmp", "snmp.engineid.enterprise")])
host(PLUGS, "radius", 5, "00:50:56:a1:60:05", facts={"role": "RADIUS server", "service": "radius:1812"},
     evidence=[("radius.code == 2", "radius.code")])
host(PLUGS, "nms", 6, "00:50:56:a1:60:06", facts={"role": "network management client"}, traps=["a switch"])
host(PLUGS, "monitor", 41, "00:09:fb:05:60:41", facts={}, traps=["a switch", "a RADIUS client"], namespace=False)
host(PLUGS, "nursepc", 42, "d8:9e:f3:5b:60:42", facts={"hostname": "NURSE-PC11", "fqdn": f"nurse-pc11.{DOMAIN}"},
     traps=["a switch"], namespace=False)

# --- directory ----------------------------------------------------------------------
DIRECTORY = "directory.pcap"
host(DIRECTORY, "dc", 10, "00:50:56:a1:61:10", facts={
    "role": "domain controller", "hostname": "DC1", "fqdn": f"dc1.{DOMAIN}", "service": "kerberos:88, ldap:389"},
    evidence=[("cldap", "ldap.messageID"), ("kerberos", "kerberos.realm")])
host(DIRECTORY, "slapd", 11, "00:50:56:a1:61:11", facts={"role": "LDAP server", "service": "ldap:389"},
     traps=["a domain controller", "Windows"])
host(DIRECTORY, "ward", 12, "d8:9e:f3:5b:61:12", facts={"hostname": "ward7-ws2"}, traps=["a domain controller", "Windows"])

# --- voice and video ----------------------------------------------------------------
VOICE = "voice.pcap"
host(VOICE, "pbx", 10, "00:50:56:a1:62:10", facts={"role": "SIP registrar", "service": "sip:5060"},
     traps=["a telephone", "baresip"], evidence=[("sip.Status-Code", "sip.Server")])
host(VOICE, "phone", 21, "00:04:13:7a:62:21", facts={"device_type": "IP phone"}, traps=["an exchange"],
     evidence=[("sip.Method == \"REGISTER\"", "sip.User-Agent")])
host(VOICE, "camera", 22, "00:40:8c:9d:62:22", facts={"service": "rtsp:554"}, traps=["a viewer"],
     evidence=[("rtsp.response", "rtsp.status")])
host(VOICE, "watch", 23, "d8:9e:f3:5b:62:23", facts={}, traps=["a camera"], evidence=[("rtsp.request", "rtsp.method")])

# --- tunnels and screens ----------------------------------------------------------------
VPN = "vpn.pcap"
host(VPN, "gate", 10, "00:50:56:a1:63:10", facts={
    "role": "VPN gateway", "service": "wireguard:51820, openvpn:1194, ike:500, vnc:5901"},
    evidence=[("wg.type == 2", "wg.type"), ("openvpn.opcode == 8", "openvpn.opcode"),
              ("isakmp.exchangetype == 34", "isakmp.ispi"), ("vnc.server_proto_ver", "vnc.server_proto_ver")])
host(VPN, "remote", 11, "d8:9e:f3:5b:63:11", facts={}, traps=["a VPN gateway"],
     evidence=[("wg.type == 1", "wg.type"), ("vnc.client_proto_ver", "vnc.client_proto_ver")])

# --- switches, routers and addresses of version 6 --------------------------------------------
NAMES6 = "names6.pcap"
host(NAMES6, "r1", 2, "00:1b:54:c2:64:02", v6=True, facts={"role": "router", "device_type": "router"},
     evidence=[("vrrp", "vrrp.virt_rtr_id"), ("ospf.msg == 1", "ospf.srcrouter")])
host(NAMES6, "r2", 3, "00:1b:54:c2:64:03", v6=True, facts={"role": "router", "device_type": "router"},
     evidence=[("ospf.msg == 1", "ospf.srcrouter")])
host(NAMES6, "sw2", 4, "00:1b:54:c2:64:04", facts={"device_type": "switch"}, evidence=[("stp", "stp.bridge.hw")])
host(NAMES6, "phone6", 21, "00:04:f2:3b:64:21", facts={
    "hostname": "tel-3w-07", "vendor": "Polycom", "model": "VVX 411", "serial": "0004f23b6421",
    "sw_version": "5.9.6.2327", "device_type": "IP phone"},
    evidence=[("lldp", "lldp.tlv.system.name")])
host(NAMES6, "dhcp6", 5, "00:50:56:a1:64:05", v6=True, facts={"role": "DHCP server"},
     evidence=[("dhcpv6.msgtype == 7", "dhcpv6.msgtype")])
host(NAMES6, "ecg", 31, "00:09:fb:05:64:31", facts={"hostname": "ecg-cart-07"}, traps=["a DHCP server"],
     evidence=[("dhcpv6.msgtype == 1", "dhcpv6.client_domain")])

# --- databases ----------------------------------------------------------------------
DATABASES = "databases.pcap"
host(DATABASES, "risdb", 10, "00:50:56:a1:65:10", facts={
    "role": "database server", "software": "MariaDB 10.11.19", "os_family": "Debian", "service": "mysql:3306"},
    evidence=[("mysql.version", "mysql.version")])
host(DATABASES, "visdb", 11, "00:50:56:a1:65:11", facts={
    "role": "database server", "software": "PostgreSQL 15.18", "os_family": "Debian", "service": "postgres:5432"},
    evidence=[("pgsql.parameter_name == \"server_version\"", "tcp.stream")])
host(DATABASES, "console", 21, "d8:9e:f3:5b:65:21", facts={}, traps=["MariaDB", "PostgreSQL"],
     evidence=[("pgsql.password", "pgsql.type")])

# --- mail -----------------------------------------------------------------------------
MAIL = "mail.pcap"
host(MAIL, "mail", 10, "00:50:56:a1:66:10", facts={
    "role": "mail server", "hostname": "mail", "fqdn": f"mail.{DOMAIN}", "service": "smtp:25, pop3:110, imap:143"},
    evidence=[("smtp.response.code == 220", "smtp.rsp.parameter"), ("pop.response", "pop.response.description"),
              ("imap.response", "imap.line")])
host(MAIL, "scanner", 21, "00:1b:21:5b:66:21", facts={
    "hostname": "ct-console", "fqdn": f"ct-console.rad.{DOMAIN}"}, traps=["Postfix", "Dovecot"],
    evidence=[("smtp.req.command == \"EHLO\"", "smtp.req.parameter")])
host(MAIL, "desk", 22, "d8:9e:f3:5b:66:22", facts={}, traps=["Postfix", "Dovecot"],
     evidence=[("pop.request.command == \"CAPA\"", "pop.request.command")])

# --- a portal ----------------------------------------------------------------------------
QUIC = "quic.pcap"
host(QUIC, "portal", 10, "00:50:56:a1:67:10", facts={"role": "web server", "service": "quic:443"},
     evidence=[("quic && udp.srcport == 443", "quic.version")])
host(QUIC, "tablet", 21, "d8:9e:f3:5b:67:21", facts={}, traps=["a web server"],
     evidence=[("tls.handshake.type == 1", "tls.handshake.extensions_server_name")])

# --- laboratory ------------------------------------------------------------------------
LABORATORY = "laboratory.pcap"
host(LABORATORY, "lis", 10, "00:50:56:a1:68:10", facts={"role": "laboratory system", "service": "astm:15200"},
     traps=["Sysmex", "an analyser"], evidence=[("tcp contains \"||LIS|\"", "tcp.stream")])
host(LABORATORY, "analyzer", 21, "00:30:64:3a:68:21", facts={
    "vendor": "Sysmex", "model": "XN-350", "serial": "13877", "sw_version": "00-14",
    "device_type": "laboratory analyzer", "service": "astm:15200"}, says="XN-350^00-14^13877^^^^BX713355",
    evidence=[("tcp contains \"XN-350\"", "tcp.stream")])

# --- gear: neighbours of switches and routers, clocks, names over TCP, plant ----------------------
GEAR = "gear.pcap"
host(GEAR, "r3", 2, "00:0d:b9:4e:69:02", facts={"role": "router", "device_type": "router"}, traps=["Cisco"],
     evidence=[("eigrp.opcode == 5", "eigrp.as"), ("hsrp", "hsrp.group")])
host(GEAR, "r4", 3, "00:0d:b9:4e:69:03", facts={"role": "router", "device_type": "router"}, traps=["Cisco"],
     evidence=[("eigrp.opcode == 5", "eigrp.as"), ("hsrp", "hsrp.group")])
host(GEAR, "sw3", 4, "00:1b:54:c2:69:04", facts={
    "vendor": "Cisco", "model": "WS-C2960X-48FPD-L", "device_type": "switch", "hostname": "sw-3w-02"},
    evidence=[("cdp", "cdp.deviceid"), ("cdp", "cdp.platform")])
host(GEAR, "names", 5, "00:50:56:a1:69:05", facts={"role": "DNS server", "service": "dns:53"},
     evidence=[("dns && tcp.srcport == 53", "dns.flags.response")])
host(GEAR, "wlc", 6, "00:0b:86:6e:69:06", facts={
    "vendor": "Aruba", "device_type": "wireless controller", "sw_version": "8.10.0.7", "service": "capwap:5246"},
    says="14823 7205 8.10.0.7 wlc-1", evidence=[("capwap.control.header.message_type == 2", "udp.srcport")])
host(GEAR, "ap", 7, "00:0b:86:9a:69:07", facts={
    "vendor": "Aruba", "model": "AP-505", "serial": "CNLAB10507", "sw_version": "8.10.0.5", "device_type": "access point"},
    says="14823 AP-505 CNLAB10507 000b869a6907 Rev1 8.10.0.5 ap-3w-07",
    evidence=[("capwap.control.header.message_type == 1", "udp.dstport")])
host(GEAR, "clock", 8, "00:50:56:a1:69:08", facts={"role": "NTP server", "os_family": "Linux", "software": "NTPsec 1.2.2", "service": "ntp:123"},
     evidence=[("ntp.flags.mode == 4", "ntp.stratum"), ("ntp.ctrl.flags2.r == 1", "ntp.ctrl.data")])
host(GEAR, "nms", 10, "00:50:56:a1:69:10", facts={}, traps=["a DNS server", "an NTP server", "a switch"],
     evidence=[("ntp.flags.mode == 3", "ntp.flags.mode"), ("dns && tcp.dstport == 53", "dns.qry.name.len")])
host(GEAR, "nas", 11, "00:a0:98:1f:69:11", facts={}, traps=["a switch"], evidence=[("lacp", "lacp.actor.sysid")],
     namespace=False)
host(GEAR, "sw4", 9, "00:1b:54:c2:69:41", facts={}, traps=["NetApp"], evidence=[("lacp", "lacp.actor.sysid")],
     namespace=False)
host(GEAR, "bms", 20, "00:50:56:a1:69:20", facts={}, traps=["Siemens", "Rockwell", "a PLC"],
     evidence=[("enip.command == 0x63 && udp.dstport == 44818", "enip.command"),
               ("pn_dcp.service_type == 0", "pn_dcp.service_id")])
host(GEAR, "lift", 24, "00:00:bc:5a:69:24", facts={
    "vendor": "Rockwell Automation", "model": "1756-L61/B LOGIX5561", "serial": "006c061a", "sw_version": "20.11",
    "device_type": "PLC", "hostname": "lift", "service": "enip:44818"}, evidence=[("enip.command == 0x63 && udp.srcport == 44818", "enip.lir.name")])
host(GEAR, "ahu", 25, "00:1b:1b:3e:69:25", facts={
    "vendor": "Siemens", "model": "S7-1200", "device_type": "PLC", "hostname": "ahu-5.plant"},
    says="ahu-5.plant S7-1200 002a 010d 2", evidence=[("pn_dcp.service_type == 1", "pn_dcp.suboption_device_nameofstation")])

# --- bedside3: devices with protocols of their own ----------------------------------------------------
BEDSIDE3 = "bedside3.pcap"
host(BEDSIDE3, "gemon", 11, "44:4b:5d:0a:70:11", facts={
    "vendor": "GE Healthcare", "device_type": "patient monitor", "department": "ICU"}, says="ICU|BED-07",
    evidence=[("udp.dstport == 7000", "udp.length"), ("udp.dstport == 7001", "udp.length")])
host(BEDSIDE3, "central", 10, "00:00:a1:33:70:10", facts={"vendor": "GE Healthcare", "department": "ICU"}, says="ICU|CIC-1",
     traps=["patient monitor"], evidence=[("udp.dstport == 2000", "udp.length")])
host(BEDSIDE3, "syringe", 20, "00:25:5c:0e:70:20", facts={"vendor": "Terumo", "device_type": "infusion pump"},
     says="000100700000001201170020", evidence=[("tcp.srcport == 8001 && tcp.len > 0", "tcp.len")])
host(BEDSIDE3, "mx", 12, "00:09:fb:05:70:12", facts={
    "vendor": "Philips", "model": "IntelliVue MX700", "serial": "DE55170012", "sw_version": "L.01.18",
    "device_type": "patient monitor", "service": "intellivue:24105"},
    says="Philips 865241 DE55170012 L.01.18 S-M8003-1402A 0009fb057012 OR-02",
    evidence=[("udp.srcport == 24005", "udp.length"), ("udp.srcport == 24105", "udp.length")])
host(BEDSIDE3, "collector", 42, "00:50:56:a1:70:42", facts={}, traps=["Philips", "a patient monitor", "Nonin", "Terumo", "an infusion pump"],
     evidence=[("udp.dstport == 24105", "udp.length"), ("tcp.srcport == 6024 && tcp.len > 0", "tcp.len")])
host(BEDSIDE3, "oximeter", 13, "00:1c:05:21:70:13", facts={
    "vendor": "Nonin Medical", "model": "9560", "serial": "501170013"},
    says="001c05fffe217013 0190 'Nonin Medical, Inc.' 'Model 9560' 501170013 1.08",
    evidence=[("tcp.dstport == 6024 && tcp.len > 0", "tcp.len")])
host(BEDSIDE3, "pump", 14, "00:40:9d:5c:70:14", facts={
    "vendor": "Baxter", "model": "SIGMA Spectrum", "serial": "1170014", "sw_version": "8.00.01",
    "device_type": "infusion pump"}, says="00-40-9D-5C-70-14 '20 D29' 1170014 8.00.01",
    traps=["Digi as the pump's maker"], evidence=[("tcp contains \"SIGMA Spectrum\"", "tcp.srcport")])
host(BEDSIDE3, "vidas", 15, "00:90:e8:33:70:15", facts={
    "vendor": "bioMérieux", "device_type": "laboratory analyser"}, traps=["Moxa as the analyser's maker"],
    evidence=[("tcp contains \"mtrsl\"", "tcp.dstport")])
host(BEDSIDE3, "labhost", 41, "00:50:56:a1:70:41", facts={}, traps=["bioMérieux", "an analyser"],
     evidence=[("tcp.srcport == 6000 && tcp.len > 0", "tcp.len")])
host(BEDSIDE3, "digi", 16, "00:40:9d:31:70:16", facts={
    "vendor": "Digi", "model": "Digi Connect SP", "sw_version": "82001120_U1", "device_type": "serial server"},
    says="00409d317016 vent-bridge-2 'Version 82001120_U1 09/14/2009' 'Digi Connect SP'",
    evidence=[("udp.srcport == 2362", "udp.length")])
host(BEDSIDE3, "lantronix", 17, "00:80:a3:77:70:17", facts={"vendor": "Lantronix", "device_type": "serial server"},
     says="0080a3777017 X5", evidence=[("udp.srcport == 30718", "udp.length")])
host(BEDSIDE3, "moxa", 18, "00:90:e8:51:70:18", facts={
    "vendor": "Moxa", "model": "NPort 5110", "hostname": "NP5110_2439", "device_type": "serial server"},
    says="0090e8517018 NP5110_2439", evidence=[("udp.srcport == 4800", "udp.length")])
host(BEDSIDE3, "tech", 43, "d8:9e:f3:5b:70:43", facts={}, traps=["Digi", "Lantronix", "Moxa", "a serial server", "Baxter"],
     evidence=[("udp.dstport == 4800", "udp.length")])
host(BEDSIDE3, "cms", 19, "00:1d:43:0c:70:19", facts={
    "vendor": "Contec", "model": "CMS8000", "device_type": "patient monitor"},
    evidence=[("ip.dst == 202.114.4.120", "tcp.dstport")])

# --- desk: printers, databases and programs ------------------------------------------------------------
DESK = "desk.pcap"
host(DESK, "epm", 10, "00:50:56:a1:71:10", facts={"software": "Samba", "os_family": "Linux", "service": "dcerpc:135"},
     traps=["Windows"], evidence=[("dcerpc.pkt_type == 12", "dcerpc.pkt_type")])
host(DESK, "risdb", 11, "00:50:56:a1:71:11", facts={
    "role": "database server", "software": "SQL Server 2019", "hostname": "RIS-DB1", "service": "mssql:1433"},
    evidence=[("tcp.srcport == 1433 && tcp.len > 0", "tcp.len"), ("udp.srcport == 1434", "udp.length")])
host(DESK, "hisdb", 12, "00:50:56:a1:71:12", facts={
    "role": "database server", "software": "Oracle Database 19.0.0", "service": "oracle:1521"},
    evidence=[("tcp.srcport == 1521 && tns.type == 4", "tns.type")])
host(DESK, "ord-ws-07", 21, "d8:9e:f3:5b:71:21", facts={"hostname": "ord-ws-07"}, traps=["a database server", "a printer"],
     evidence=[("tds.type == 16", "tds.type"), ("tns.type == 1", "tns.type")])
host(DESK, "console", 13, "00:50:56:a1:71:13", facts={
    "os_family": "Linux", "hostname": "console", "service": "telnet:23"},
    evidence=[("telnet && tcp.srcport == 23", "telnet.cmd")])
host(DESK, "pbx", 14, "00:50:56:a1:71:14", facts={"role": "SIP registrar", "service": "sip:5060"},
     traps=["a telephone", "baresip"], evidence=[("sip.Status-Code", "sip.Server")])
host(DESK, "phone", 22, "00:04:13:7a:71:22", facts={"device_type": "IP phone"}, traps=["an exchange"],
     evidence=[("sip.Method == \"REGISTER\"", "sip.User-Agent")])
host(DESK, "laser", 15, "3c:d9:2b:0f:71:15", facts={
    "vendor": "HP", "model": "LaserJet M507", "device_type": "printer", "service": "pjl:9100"}, says="'HP LaserJet M507'",
    evidence=[("tcp.srcport == 9100 && tcp.len > 0", "tcp.len")])
host(DESK, "labels", 16, "00:07:4d:5e:71:16", facts={
    "vendor": "Zebra", "model": "ZD620", "sw_version": "84.20.18Z", "service": "zpl:9100"},
    says="ZD620-300dpi V84.20.18Z 12 8192KB", evidence=[("tcp.srcport == 9100 && tcp.len > 0", "tcp.len")])
host(DESK, "pc1", 23, "d8:9e:f3:5b:71:23", facts={}, traps=["a server"], evidence=[("tcp.dstport == 7680 && tcp.len > 0", "tcp.len")])
host(DESK, "pc2", 24, "d8:9e:f3:5b:71:24", facts={}, traps=["a server"], evidence=[("tcp.srcport == 7680 && tcp.len > 0", "tcp.len")])
host(DESK, "away", 25, "00:50:56:a1:71:25", facts={}, traps=["a workstation"],
     evidence=[("tcp.srcport == 5938 && tcp.len > 0", "tcp.len")])
