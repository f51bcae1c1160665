"""What happens at a site: servers start, machines boot, people are examined.

A site is a lab (see net.py) and a table of hosts; the hospital and the flat
network of the small captures play the same scenes.
"""
import os
import time

import canaries
import servers
from plan import DOMAIN

ACCOUNTS = canaries.ACCOUNTS
HERE, PYTHON = servers.HERE, servers.PYTHON
WINDOWS = {"mri": "win7", "ct": "win10-1809", "us": "win10-1809", "cr": "winxp", "mg": "win7",
           "view": "win10-22h2", "pc": "win10-22h2"}
DICOM = {"pacs": (104, "HOSHIPACS"), "ris": (11112, "HOSHIRIS"), "film": (11112, "DRYPIX1"),
         "dcmroute": (11112, "DCMROUTE")}
SCANNERS = {"mri": "MRC41587", "ct": "AQONE1", "us": "EPIQ7_ECHO", "cr": "FCRCAPS2", "mg": "DIMS_MG1"}
LINUX = ("Linux web 6.1.0-28-amd64 #1 SMP Debian 6.1.119-1 x86_64", "1.3.6.1.4.1.8072.3.2.10",
         "Server room B1")
LASERJET = ("HP ETHERNET MULTI-ENVIRONMENT,ROM none,JETDIRECT,JD153,EEPROM JSI24210036,CIDATE 03/12/2024",
            "1.3.6.1.4.1.11.2.3.9.1", "Reception")
ENGINE = "'Kakehashi Interop KK|4.2.1|Kakehashi Link|build-4210'"
SYSTEM_GROUP = " ".join(f"1.3.6.1.2.1.1.{number}.0" for number in (1, 2, 5, 6))


class Site:
    """A lab with its hosts."""

    def __init__(self, lab, hosts):
        self.lab, self.hosts = lab, hosts

    def ip(self, name):
        """Address of a host."""
        return self.hosts[name]["ip"]

    def peer(self, name, form="{ip}:{port}:{title}"):
        """A DICOM server as the players, or DCMTK, want it named."""
        port, title = DICOM[name]
        return form.format(ip=self.ip(name), port=port, title=title)

    def broadcast(self, name):
        """Broadcast address of a host's network."""
        return self.ip(name).rsplit(".", 1)[0] + ".255"

    # --- servers --------------------------------------------------------------
    def start(self):
        """Starts the server software."""
        lab = self.lab
        servers.start_dns_dhcp(lab, hosts=self.hosts)
        peers = [("view", "READWS1", self.ip("view"), 11112)]
        peers += [(key, title, self.ip(key), 104) for key, title in SCANNERS.items()]
        servers.start_orthanc(lab, peers=peers)
        servers.start_python(lab, "ris", "dicom_services.py ris HOSHIRIS 11112")
        servers.start_python(lab, "film", "dicom_services.py printer DRYPIX1 11112")
        servers.start_python(lab, "ris", "hl7_player.py receive 2575 HOSHIRIS RADIOLOGY")
        servers.start_python(lab, "engine", f"hl7_player.py receive 2575 KAKEHASHI HOSHIKAWA {ENGINE}")
        servers.start_python(lab, "engine", "hl7_player.py receive 6661 KAKEHASHI HOSHIKAWA")
        servers.start_python(lab, "lis", "hl7_player.py astm-receive 4010")
        servers.start_python(lab, "engine", "bedside_player.py poct-receive 5000")
        servers.start_dicom_router(lab)
        servers.start_samba(lab)
        servers.start_python(lab, "mri", "win_server.py 'Windows 7 Ultimate 7601 Service Pack 1' "
                                         f"6.1.7601 AWP41587 HOSHIRAD {lab.work}/mrshare")
        servers.start_web(lab)
        servers.start_ssh(lab)
        servers.start_ftp(lab)
        servers.start_xrdp(lab)
        servers.start_snmp(lab, "web", *LINUX)
        servers.start_snmp(lab, "printer", *LASERJET)
        lab.spawn("view", "storescp -aet READWS1 --ignore 11112")
        for host, port in (("pacs", 104), ("ris", 11112), ("ris", 2575), ("engine", 2575), ("engine", 6661), ("engine", 5000),
                           ("dcmroute", 11112), ("files", 445), ("web", 80), ("view", 11112),
                           ("film", 11112), ("mri", 445)):
            lab.wait_port(host, port)

    # --- start of the day -------------------------------------------------------
    def windows(self, step, host, *arguments):
        """One step of the Windows player on `host`."""
        row = self.hosts[host]
        self.lab.on(host, f"{PYTHON} {HERE}/win_player.py {step} {WINDOWS[host]} {row['facts']['hostname']} "
                          f"{row['mac']} {row['ip']} {self.broadcast(host)} {' '.join(arguments)}")

    def dhclient(self, host, hostname, more=""):
        """ISC dhclient once, without touching addresses."""
        base = f"{self.lab.work}/dhclient-{host}"
        servers.put(f"{base}/conf", f'send host-name "{hostname}";\n{more}\n')
        self.lab.on(host, f"timeout 15 dhclient -1 -cf {base}/conf -sf /bin/true -lf {base}/leases "
                          f"-pf {base}/pid eth0; sleep 0.4; kill $(cat {base}/pid)")

    def boot(self):
        """Machines start: DHCP (through the relay), names, announcements."""
        servers.start_nmbd(self.lab)
        for host in WINDOWS:
            self.windows("boot", host)
        self.dhclient("admin", "admin-ws")
        self.dhclient("printer", "PRN-RECEPTION", 'send vendor-class-identifier "Mfg=HP;Typ=Printer;'
                      'Mod=HP LaserJet Enterprise M507;Ser=PHBBQ41877;";')
        self.lab.on("kiosk", "udhcpc -i eth0 -n -q -t 3 -s /bin/true -x hostname:queue-display")

    def discovery(self):
        """mDNS, LLMNR, NBNS, SSDP, WS-Discovery."""
        servers.start_avahi(self.lab, "printer", "HP LaserJet M507 [0F5061]", [
            ("_ipp._tcp", 631, ["ty=HP LaserJet Enterprise M507", "product=(HP LaserJet Enterprise M507)",
                                "usb_MFG=HP", "usb_MDL=LaserJet Enterprise M507", "note=Reception"]),
            ("_pdl-datastream._tcp", 9100, ["ty=HP LaserJet Enterprise M507"])])
        servers.start_avahi(self.lab, "admin", "admin-ws", [("_ssh._tcp", 22, [])])
        time.sleep(4)
        player = f"{PYTHON} {HERE}/names_player.py"
        self.lab.on("pc", f"{player} mdns eth0 _ipp._tcp.local")
        self.lab.on("pc", f"{player} llmnr eth0 PRN-RECEPTION")
        self.lab.on("pc", f"{player} ssdp-search eth0")
        self.lab.on("printer", f"{player} ssdp-notify eth0 http://{self.ip('printer')}:8080/device.xml "
                               "'HP/1.0 UPnP/1.0 HP LaserJet'")
        self.lab.on("pc", f"{player} wsd eth0")
        self.lab.on("admin", f"nmblookup -B {self.broadcast('pc')} RECEP-PC07; "
                             "nmblookup -U 10.20.10.15 -R FILES01; nmblookup -A 10.20.10.15; true")

    def lookups(self):
        """DNS, ICMP, NDP, ARP."""
        self.lab.on("admin", f"dig +short pacs.{DOMAIN} @10.20.10.5; dig +short -x 10.20.10.11 @10.20.10.5; "
                             f"dig +short AAAA web.{DOMAIN} @10.20.10.5")
        gateway = self.hosts["admin"]["ip6"].rsplit(":", 1)[0] + ":1"
        self.lab.on("admin", f"ping -c 2 -i 0.3 {self.ip('mri')}; ping -6 -c 2 -i 0.3 {self.hosts['web']['ip6']}; "
                             f"ndisc6 -1 {gateway} eth0; arping -c 1 -I eth0 {self.ip('printer')}")

    # --- imaging ------------------------------------------------------------------
    def examine(self, host, key, options):
        """One examination on a scanner."""
        self.lab.on(host, f"{PYTHON} {HERE}/dicom_device.py {key} {self.peer('pacs')} {self.peer('ris')} {options}",
                    timeout=90)

    def dcmtk_console(self):
        """The CR console uses DCMTK, and pynetdicom where DCMTK has no tool."""
        files = f"{self.lab.work}/cr"
        self.lab.on("cr", f"{PYTHON} {HERE}/make_files.py cr {files} 2")
        pacs = self.peer("pacs", "-aec {title} {ip} {port}")
        keys = ('-k PatientName -k PatientID -k "ScheduledProcedureStepSequence[0].Modality=CR" '
                '-k "ScheduledProcedureStepSequence[0].ScheduledStationAETitle=FCRCAPS2"')
        self.lab.on("cr", f"echoscu -aet FCRCAPS2 {pacs}")
        self.lab.on("cr", f"findscu -W -aet FCRCAPS2 {keys} {self.peer('ris', '-aec {title} {ip} {port}')}")
        self.lab.on("cr", f"storescu -aet FCRCAPS2 {pacs} {files}/*.dcm")
        self.examine("cr", "cr", "--no-store")

    def reading(self, studies):
        """A reader's workstation asks the archive, and fetches studies."""
        pacs = self.peer("pacs", "-aec {title} {ip} {port}")
        keys = "-k QueryRetrieveLevel=STUDY -k StudyInstanceUID -k PatientID -k AccessionNumber -k PatientBirthDate"
        self.lab.on("view", f"findscu -S -aet READWS1 {keys} -k StudyDescription "
                            f"-k PatientName='{canaries.PATIENTS['mr'][0]}' {pacs}")
        for study in studies:
            self.lab.on("view", f"movescu -S -aet READWS1 -aem READWS1 -k QueryRetrieveLevel=STUDY "
                                f"-k StudyInstanceUID={study} {pacs}")

    def refused(self):
        """An association refused for its called title, and one aborted."""
        wrong = self.peer("ris", "-aec OLDPACS {ip} {port}")
        self.lab.on("view", f"echoscu -aet READWS1 {wrong}; echoscu --abort -aet READWS1 "
                            f"{self.peer('pacs', '-aec {title} {ip} {port}')}; true")

    def rest(self):
        """The archive's web interface with a password in clear."""
        login = f"{ACCOUNTS['rest_user']}:{ACCOUNTS['rest_pass']}"
        query = '{"Level":"Study","Query":{"PatientID":"%s"},"Expand":true}' % canaries.PATIENTS["ct"][1]
        base = f"http://{self.ip('pacs')}:8042"
        self.lab.on("view", f"curl -s -u {login} {base}/system; curl -s -u {login} -d '{query}' {base}/tools/find")

    def imaging(self):
        """Examinations on every scanner, query and retrieve, film printer."""
        route = f"--store-to {self.peer('dcmroute')}"
        self.examine("mri", "mr", f"--images 4 --print {self.peer('film')}")
        self.examine("ct", "ct", "--images 2 --big 256 --syntax implicit")
        self.examine("us", "us", f"{route} --syntax deflated --user")
        self.examine("mg", "mg", f"{route} --syntax big")
        self.dcmtk_console()
        self.reading(["1.2.392.200036.9116.2.6.1.48.2022.20260302.1", "1.3.12.2.1107.5.2.19.41587.20260302.1"])
        self.refused()
        self.rest()

    def syntaxes(self):
        """The same image in several transfer syntaxes, also compressed ones."""
        route = f"--store-to {self.peer('dcmroute')} --no-commit"
        for host, key, syntax in (("ct", "ct", "implicit"), ("mri", "mr", "explicit"), ("mg", "mg", "big"),
                                  ("us", "us", "deflated")):
            self.examine(host, key, f"{route} --images 1 --syntax {syntax}")
        base = f"{self.lab.work}/syntax"
        os.makedirs(base, exist_ok=True)
        pacs = self.peer("pacs", "-aec {title} {ip} {port}")
        self.lab.on("cr", f"{PYTHON} {HERE}/make_files.py cr {base} 1 && cd {base} && dcmcrle 1.dcm rle.dcm && "
                          f"dcmcjpeg 1.dcm jpeg.dcm && storescu -aet FCRCAPS2 -xr {pacs} rle.dcm && "
                          f"storescu -aet FCRCAPS2 -xs {pacs} jpeg.dcm")

    # --- messages -----------------------------------------------------------------
    def hl7(self, host, target, port, names, options=""):
        """Sends HL7 messages."""
        self.lab.on(host, f"{PYTHON} {HERE}/hl7_player.py send {self.ip(target)} {port} {names} {options}")

    def messages(self):
        """HL7 and ASTM."""
        self.hl7("his", "engine", 2575, "adt,adt-utf8,adt-jis,adt-sjis")
        self.hl7("engine", "ris", 2575, "orm,adt-forwarded")
        self.hl7("xn", "engine", 6661, "oru-analyser")
        self.hl7("engine", "ris", 2575, "oru-forwarded")
        self.hl7("mongw", "engine", 6661, "oru-monitors", "--split")
        self.hl7("lis", "engine", 6661, "oru-sloppy")
        self.lab.on("coag", f"{PYTHON} {HERE}/hl7_player.py astm-send {self.ip('lis')} 4010")

    def bedside(self):
        """Point of care: a glucose meter and a ventilator."""
        player = f"{PYTHON} {HERE}/bedside_player.py"
        self.lab.on("glucose", f"{player} poct-send {self.ip('engine')} 5000")
        self.lab.on("vent", f"{player} sdc-hello eth0 {self.ip('vent')}")

    # --- offices --------------------------------------------------------------------
    def shares(self):
        """SMB1 to SMB3, by Windows bytes and by smbclient."""
        files = self.ip("files")
        for step, host, user in (("smb1", "cr", "smb_xp_user"), ("smb2", "mri", "smb_user"),
                                 ("smb2", "ct", "smb_w10_user"), ("smb2", "us", "smb_w10_user"),
                                 ("smb2", "mg", "smb_user"), ("smb2", "view", "smb_user"),
                                 ("smb2", "pc", "smb_w10_user")):
            self.windows(step, host, files, ACCOUNTS[user])
        client = f"smbclient -U {ACCOUNTS['smb_user']}%lab --option='client min protocol=NT1'"
        for dialect in ("NT1", "SMB2", "SMB3"):
            self.lab.on("admin", f"cd {self.lab.work}; echo lab >{ACCOUNTS['smb_file']}; {client} -m {dialect} "
                                 f"//{files}/exchange -c 'cd {ACCOUNTS['smb_dir']}; put {ACCOUNTS['smb_file']}; ls'")
        self.lab.on("admin", f"{client} -m NT1 //{self.ip('mri')}/SERVICE -c ls")
        self.lab.on("admin", f"{client} -m SMB2 //{self.ip('mri')}/SERVICE -c ls")

    def desktops(self):
        """RDP by Windows bytes and by FreeRDP."""
        term = self.ip("term")
        self.windows("rdp", "cr", term, ACCOUNTS["rdp_xp_user"])
        self.windows("rdp", "mri", term, ACCOUNTS["rdp_user"])
        self.windows("rdp", "pc", term, ACCOUNTS["rdp_user"])
        self.lab.on("admin", f"timeout 9 xvfb-run -a xfreerdp /v:{term} /u:{ACCOUNTS['rdp_real_user']} /p:lab "
                             f"/cert:ignore +auth-only /sec:tls; true", timeout=20)

    def web(self):
        """HTTP with personal data in every place it can be, TLS 1.2 and 1.3."""
        name = f"intra.{DOMAIN}"
        for host in WINDOWS:
            self.windows("web", host, self.ip("web"), name)
        self.lab.on("admin", f"curl -s -b session={ACCOUNTS['cookie']} -H 'Authorization: Bearer {ACCOUNTS['bearer']}' "
                             f"'http://{name}/{ACCOUNTS['http_path']}?q={ACCOUNTS['http_query']}'")
        self.lab.on("admin", f"curl -s -d name={ACCOUNTS['form_value']} http://{name}/form; "
                             f"curl -sk --tls-max 1.2 https://{name}/; curl -sk --tlsv1.3 https://{name}:8443/; "
                             f"curl -s -6 -g 'http://[{self.hosts['web']['ip6']}]/'")

    def remote(self):
        """SSH, SNMP, FTP."""
        web = self.ip("web")
        self.lab.on("admin", "ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes "
                             f"-o ConnectTimeout=5 visitor@{web} true; true")
        for host in ("web", "printer"):
            self.lab.on("admin", f"snmpget -v2c -c {ACCOUNTS['snmp_community']} {self.ip(host)} {SYSTEM_GROUP}")
        self.lab.on("admin", f"curl -s --user {ACCOUNTS['ftp_user']}:x ftp://{web}/; "
                             f"curl -s --user anonymous:{ACCOUNTS['ftp_pass']} ftp://{web}/{ACCOUNTS['ftp_file']}; true")
