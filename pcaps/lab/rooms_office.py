"""Rooms of people: switch ports and logons, directories, telephones and cameras."""
import os
import time

import canaries
from rooms_plan import DOMAIN
from servers import HERE

ACCOUNTS = canaries.ACCOUNTS
REALM = DOMAIN.upper()
MIBS = "1.3.6.1.2.1.17 1.3.6.1.2.1.31.1.1.1.1 1.3.6.1.2.1.4.22.1.2"


class Office:
    """Scenes; a part of Rooms."""

    # --- plugs ---------------------------------------------------------------------
    def start_plugs(self):
        """FreeRADIUS that lets everything in, and Net-SNMP with a switch's tables."""
        base = f"{self.lab.work}/radius"
        self.put("radius/radiusd.conf", f"""prefix = /usr
logdir = {base}
run_dir = {base}
security {{
 allow_core_dumps = no
}}
client ward {{
 ipaddr = {self.ip('sw')}
 secret = lab
}}
modules {{
 always ok {{
  rcode = ok
 }}
}}
server default {{
 listen {{
  type = auth
  ipaddr = *
  port = 1812
 }}
 listen {{
  type = acct
  ipaddr = *
  port = 1813
 }}
 authorize {{
  update control {{
   Auth-Type := Accept
  }}
  update reply {{
   Tunnel-Type := VLAN
   Tunnel-Medium-Type := IEEE-802
   Tunnel-Private-Group-Id := "60"
  }}
 }}
 accounting {{
  ok
 }}
}}
""")
        self.lab.spawn("radius", f"freeradius -f -l stdout -d {base}")
        conf = self.put("snmp/snmpd.conf", f"""agentaddress udp:161
rocommunity {ACCOUNTS['snmp_walk']}
createUser {ACCOUNTS['snmp3_user']} SHA Kennwort-lang-genug
rouser {ACCOUNTS['snmp3_user']} auth
sysdescr Cisco IOS Software, C2960X Software (C2960X-UNIVERSALK9-M), Version 15.2(7)E3, RELEASE SOFTWARE (fc3)
sysobjectid 1.3.6.1.4.1.9.1.1208
sysname sw-3w-01
syslocation 3病棟 EPS
pass_persist 1.3.6.1.2.1.17 /usr/bin/python3 {HERE}/rooms_bridge.py
pass_persist 1.3.6.1.2.1.31.1.1 /usr/bin/python3 {HERE}/rooms_bridge.py
pass_persist 1.3.6.1.2.1.4.22.1 /usr/bin/python3 {HERE}/rooms_bridge.py
""")
        base = f"{self.lab.work}/snmp"
        self.lab.spawn("sw", f"env SNMP_PERSISTENT_DIR={base} snmpd -f -Lf {base}/log -C -c {conf} -p {base}/pid "
                             "-I -ifTable,ifXTable,at,ipAddr,ip,dot1dBasePort")
        time.sleep(3)

    def plugs(self):
        """A monitor by its address, a computer and a person by their names; then a walk of the tables."""
        def logon(user, mac, port, address):
            told = [f"User-Name=\"{user}\"", "NAS-IP-Address=" + self.ip("sw"), "NAS-Identifier=sw-3w-01",
                    "NAS-Port-Type=Ethernet", f"NAS-Port-Id=\"{port}\"", f"Calling-Station-Id={mac}",
                    "Called-Station-Id=00-1B-54-C2-60-07"]
            begin = told + ["Acct-Status-Type=Start", "Acct-Session-Id=0000A1", f"Framed-IP-Address={address}"]
            for kind, port_number, rows in (("auth", 1812, told + ["User-Password=lab"]), ("acct", 1813, begin)):
                file = self.put(f"radius/{kind}.in", "\n".join(rows) + "\n")
                self.lab.on("sw", f"radclient -r 1 -f {file} {self.ip('radius')}:{port_number} {kind} lab")
        logon("0009fb056041", "00-09-FB-05-60-41", "GigabitEthernet1/0/7", "10.20.60.41")
        logon(f"host/NURSE-PC11.{DOMAIN}", "D8-9E-F3-5B-60-42", "GigabitEthernet1/0/9", "10.20.60.42")
        logon(ACCOUNTS["radius_user"], "D8-9E-F3-5B-60-42", "GigabitEthernet1/0/9", "10.20.60.42")
        for root in MIBS.split():
            self.lab.on("nms", f"snmpbulkwalk -v2c -c {ACCOUNTS['snmp_walk']} -On {self.ip('sw')} {root}")
        self.lab.on("nms", f"snmpwalk -v3 -l authNoPriv -a SHA -A Kennwort-lang-genug -u {ACCOUNTS['snmp3_user']} -On "
                           f"{self.ip('sw')} 1.3.6.1.2.1.1")

    # --- directory ------------------------------------------------------------------
    def start_directory(self):
        """Samba as a domain controller, OpenLDAP as a directory of its own."""
        base = f"{self.lab.work}/dc"
        self.lab.on("dc", f"hostname dc1; samba-tool domain provision --realm={REALM} --domain=HOSHIKAWA "
                          "--server-role=dc --host-name=DC1 --dns-backend=NONE --adminpass=Lab-Kennwort-1 "
                          f"--host-ip={self.ip('dc')} --targetdir={base} --option='interfaces=lo eth0'",
                    timeout=170, check=True)
        conf = f"-s {base}/etc/smb.conf"
        for user in ("krb_user",):
            self.lab.on("dc", f"hostname dc1; samba-tool user create {ACCOUNTS[user]} Lab-Kennwort-2 {conf}")
        self.lab.on("dc", f"hostname dc1; samba-tool computer create WARD7-WS2 {conf}; "
                          f"samba-tool user setpassword 'WARD7-WS2$' --newpassword=Lab-Kennwort-3 {conf}")
        self.lab.spawn("dc", f"samba -F -M single --no-process-group {conf} --option='server services=ldap,cldap,kdc,rpc' "
                             f"--option='log file={base}/log' --option='rpc server dynamic port range=49152-49160'", shell="hostname dc1; mkdir -p /run/samba")
        os.makedirs(f"{self.lab.work}/slapd/db", exist_ok=True)
        people = f"ou=people,dc=pacs,dc={DOMAIN.replace('.', ',dc=')}"
        suffix = people.split(",", 1)[1]
        conf = self.put("slapd/slapd.conf", f"""include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
suffix "{suffix}"
rootdn "uid={ACCOUNTS['ldap_user']},{people}"
rootpw {ACCOUNTS['ldap_pass']}
directory {self.lab.work}/slapd/db
""")
        self.put("slapd/tree.ldif", f"""dn: {suffix}
objectClass: dcObject
objectClass: organization
dc: pacs
o: Hoshikawa University Hospital

dn: {people}
objectClass: organizationalUnit
ou: people

dn: uid={ACCOUNTS['ldap_user']},{people}
objectClass: inetOrgPerson
uid: {ACCOUNTS['ldap_user']}
cn: {ACCOUNTS['ldap_name']}
sn: {ACCOUNTS['ldap_name']}
""")
        self.lab.on("slapd", f"slapadd -f {conf} -l {self.lab.work}/slapd/tree.ldif", check=True)
        self.lab.spawn("slapd", f"slapd -d 0 -h ldap://0.0.0.0:389 -f {conf}")
        self.lab.wait_port("slapd", 389)
        self.lab.wait_port("dc", 389, 40)
        self.lab.wait_port("dc", 88)

    def directory(self):
        """A workstation finds its domain, logs on, and asks; a bind in clear to the other directory."""
        dc, people = self.ip("dc"), f"ou=people,dc=pacs,dc={DOMAIN.replace('.', ',dc=')}"
        krb = self.put("krb5.conf", f"[libdefaults]\n default_realm = {REALM}\n dns_lookup_kdc = false\n"
                                    f"[realms]\n {REALM} = {{\n kdc = {dc}\n }}\n")
        run_in = f"export KRB5_CONFIG={krb} KRB5CCNAME=FILE:{self.lab.work}/cache;"
        conf = self.put("client.conf", f"[global]\nrealm = {REALM}\nworkgroup = HOSHIKAWA\nsecurity = ads\n"
                                       "netbios name = WARD7-WS2\n")
        self.lab.on("ward", f"net ads lookup -S {dc} -s {conf}; true")
        self.lab.on("ward", f"ldapsearch -x -H ldap://{dc} -s base -b '' "
                            "'(objectClass=*)' dnsHostName serverName defaultNamingContext supportedCapabilities")
        for who, word in (("'WARD7-WS2$'", "Lab-Kennwort-3"), (ACCOUNTS["krb_user"], "Lab-Kennwort-2")):
            self.lab.on("ward", f"{run_in} echo {word} | kinit {who}; kvno ldap/dc1.{DOMAIN}; klist")
        self.put("krb5.conf", f"[libdefaults]\n default_realm = {REALM}\n dns_lookup_kdc = false\n"
                              f" udp_preference_limit = 1\n[realms]\n {REALM} = {{\n kdc = {dc}\n }}\n")
        self.lab.on("ward", f"{run_in} echo Lab-Kennwort-3 | kinit 'WARD7-WS2$'")
        self.lab.on("ward", f"ldapsearch -x -H ldap://{self.ip('slapd')} -s base -b '' '+'; "
                            f"ldapsearch -x -H ldap://{self.ip('slapd')} -D 'uid={ACCOUNTS['ldap_user']},{people}' "
                            f"-w {ACCOUNTS['ldap_pass']} -b {people} '(uid={ACCOUNTS['ldap_user']})'")

    # --- voice -----------------------------------------------------------------------
    def start_registrar(self):
        """Kamailio, where telephones say where they are."""
        conf = self.put("kamailio.cfg", f"""debug=2
log_stderror=yes
fork=no
listen=udp:{self.ip('pbx')}:5060
listen=tcp:{self.ip('pbx')}:5060
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "pv.so"
loadmodule "textops.so"
request_route {{
 if (is_method("REGISTER")) {{ save("location"); exit; }}
 sl_send_reply("404", "Not Found");
}}
""")
        self.lab.spawn("pbx", f"kamailio -DD -E -f {conf} -Y {self.lab.work} -L /usr/lib/x86_64-linux-gnu/kamailio/modules")
        self.lab.wait_port("pbx", 5060)

    def start_voice(self):
        """A registrar, and GStreamer as a camera."""
        self.start_registrar()
        self.lab.spawn("camera", f"/usr/bin/python3 {HERE}/rooms_camera.py {ACCOUNTS['rtsp_user']} "
                                 f"{ACCOUNTS['rtsp_pass']} {ACCOUNTS['rtsp_path']}")
        self.lab.wait_port("camera", 554)

    def register(self, phone, transport=""):
        """A telephone registers and calls nobody."""
        base = f"{self.lab.work}/baresip"
        self.put("baresip/config", "module_path /usr/lib/baresip/modules\nmodule stdio.so\nmodule g711.so\n"
                                   "module_tmp account.so\nmodule_app menu.so\nsip_listen 0.0.0.0:5060\n")
        self.put("baresip/accounts", f"\"{ACCOUNTS['sip_name']}\" <sip:{ACCOUNTS['sip_user']}@{self.ip('pbx')}{transport}>;regint=60\n")
        self.put("baresip/contacts", "\n")
        self.lab.on(phone, f"timeout 6 baresip -f {base} -e '/dial sip:{ACCOUNTS['sip_other']}@{self.ip('pbx')}' -t 4; true",
                    timeout=12)

    def voice(self):
        """A telephone registers and calls nobody; a screen looks at a camera."""
        self.register("phone")
        url = f"rtsp://{self.ip('camera')}/{ACCOUNTS['rtsp_path']}"
        login = f"-u {ACCOUNTS['rtsp_user']}:{ACCOUNTS['rtsp_pass']}"
        self.lab.on("watch", f"curl -sv -m 5 --request DESCRIBE {url}; curl -sv -m 5 {login} {url}; "
                             f"timeout 5 /usr/bin/python3 {HERE}/rooms_camera.py watch {ACCOUNTS['rtsp_user']} "
                             f"{ACCOUNTS['rtsp_pass']} {url}; true")
