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
