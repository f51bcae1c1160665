"""Plays half an hour of a small hospital and records it on the core switch's mirror."""
import os
import shutil
import sys
import time

import canaries
import pcapio
import servers
from net import Lab
from plan import DOMAIN, HOSTS, VLANS

ACCOUNTS = canaries.ACCOUNTS
OUT, WORK = os.environ["LAB_OUT"], os.environ["LAB_WORK"] + "/hospital"
HERE, PYTHON = servers.HERE, servers.PYTHON
PACS, RIS = "10.20.10.11:104:HOSHIPACS", "10.20.10.12:11112:HOSHIRIS"
ROUTE = "10.20.10.16:11112:DCMROUTE"


def build(lab):
    """Switch, router, hosts."""
    lab.start_switch()
    servers.router_legs(lab)
    for name, row in HOSTS.items():
        lab.add_namespace(name, row["os_kind"])
        prefix = VLANS[row["vlan"]][0]
        addresses = [f"{row['ip']}/24 brd {prefix}.255"]
        if row["ip6"]:
            addresses.append(f"{row['ip6']}/64")
        lab.add_leg(name, "eth0", row["mac"], addresses, row["vlan"])
        lab.on(name, f"ip route add default via {prefix}.1")
        if row["ip6"]:
            lab.on(name, f"ip -6 route add default via fd20:0:0:{row['vlan']}::1")


def start(lab):
    """Server software."""
    servers.start_dns_dhcp(lab)
    servers.start_relay(lab)
    peers = [("view", "READWS1", "10.20.20.31", 11112)]
    peers += [(key, title, HOSTS[key]["ip"], 104) for key, title in (
        ("mri", "MRC41587"), ("ct", "AQONE1"), ("us", "EPIQ7_ECHO"), ("cr", "FCRCAPS2"), ("mg", "DIMS_MG1"))]
    servers.start_orthanc(lab, peers=peers)
    servers.start_python(lab, "ris", "dicom_services.py ris HOSHIRIS 11112")
    servers.start_python(lab, "film", "dicom_services.py printer DRYPIX1 11112")
    servers.start_python(lab, "ris", "hl7_player.py receive 2575 HOSHIRIS RADIOLOGY")
    servers.start_python(lab, "engine", "hl7_player.py receive 2575 KAKEHASHI HOSHIKAWA "
                                        "'Kakehashi Interop KK|4.2.1|Kakehashi Link|build-4210'")
    servers.start_python(lab, "engine", "hl7_player.py receive 6661 KAKEHASHI HOSHIKAWA")
    servers.start_python(lab, "lis", "hl7_player.py astm-receive 4010")
    servers.start_dicom_router(lab)
    servers.start_samba(lab)
    servers.start_web(lab)
    servers.start_ssh(lab)
    servers.start_ftp(lab)
    servers.start_xrdp(lab)
    servers.start_snmp(lab, "web", "Linux web 6.1.0-28-amd64 #1 SMP Debian 6.1.119-1 x86_64",
                       "1.3.6.1.4.1.8072.3.2.10", "Server room B1")
    servers.start_snmp(lab, "printer", "HP ETHERNET MULTI-ENVIRONMENT,ROM none,JETDIRECT,JD153,EEPROM "
                       "JSI24210036,CIDATE 03/12/2024", "1.3.6.1.4.1.11.2.3.9.1", "Reception")
    lab.spawn("view", f"storescp -aet READWS1 --ignore 11112")
    for host, port in (("pacs", 104), ("ris", 11112), ("ris", 2575), ("engine", 2575), ("engine", 6661),
                       ("dcmroute", 11112), ("files", 445), ("web", 80), ("view", 11112), ("film", 11112)):
        lab.wait_port(host, port)


def windows(lab, step, host, kind, *arguments):
    """One step of the Windows player on `host`."""
    row = HOSTS[host]
    broadcast = VLANS[row["vlan"]][0] + ".255"
    lab.on(host, f"{PYTHON} {HERE}/win_player.py {step} {kind} {row['facts']['hostname']} {row['mac']} "
                 f"{row['ip']} {broadcast} {' '.join(arguments)}")


WINDOWS = {"mri": "win7", "ct": "win10-1809", "cr": "winxp", "view": "win10-22h2", "pc": "win10-22h2"}


def boot(lab):
    """Machines start: DHCP through the relay, names, announcements."""
    for host, kind in WINDOWS.items():
        windows(lab, "boot", host, kind)
    text = f"{lab.work}/dhclient.conf"
    servers.put(text, 'send host-name "admin-ws";\n')
    lab.on("admin", f"timeout 15 dhclient -1 -v -cf {text} -sf /bin/true -lf {lab.work}/a.leases "
                    f"-pf {lab.work}/a.pid eth0; kill $(cat {lab.work}/a.pid)")
    lab.on("kiosk", "udhcpc -i eth0 -n -q -t 3 -s /bin/true -x hostname:queue-display")
    servers.put(f"{lab.work}/printer.conf", 'send host-name "PRN-RECEPTION";\nsend vendor-class-identifier '
                '"Mfg=HP;Typ=Printer;Mod=HP LaserJet Enterprise M507;Ser=PHBBQ41877;";\n')
    lab.on("printer", f"timeout 15 dhclient -1 -cf {lab.work}/printer.conf -sf /bin/true -lf {lab.work}/p.leases"
                      f" -pf {lab.work}/p.pid eth0; kill $(cat {lab.work}/p.pid)")


def names(lab):
    """mDNS, LLMNR, NBNS, SSDP, WS-Discovery, DNS, ICMP, NDP."""
    servers.start_avahi(lab, "printer", "HP LaserJet M507 [0F5061]", [
        ("_ipp._tcp", 631, ["ty=HP LaserJet Enterprise M507", "product=(HP LaserJet Enterprise M507)",
                            "usb_MFG=HP", "usb_MDL=LaserJet Enterprise M507", "note=Reception"]),
        ("_pdl-datastream._tcp", 9100, ["ty=HP LaserJet Enterprise M507"])])
    servers.start_avahi(lab, "admin", "admin-ws", [("_ssh._tcp", 22, [])])
    time.sleep(4)
    player = f"{PYTHON} {HERE}/names_player.py"
    lab.on("pc", f"{player} mdns eth0 _ipp._tcp.local")
    lab.on("pc", f"{player} llmnr eth0 PRN-RECEPTION")
    lab.on("pc", f"{player} ssdp-search eth0")
    lab.on("printer", f"{player} ssdp-notify eth0 http://10.20.50.61:8080/device.xml 'HP/1.0 UPnP/1.0 HP LaserJet'")
    lab.on("pc", f"{player} wsd eth0")
    lab.on("admin", "nmblookup -B 10.20.50.255 RECEP-PC07; nmblookup -U 10.20.10.15 -R FILES01; "
                    "nmblookup -A 10.20.10.15")
    lab.on("admin", f"dig +short pacs.{DOMAIN} @10.20.10.5; dig +short -x 10.20.10.11 @10.20.10.5; "
                    f"dig +short AAAA web.{DOMAIN} @10.20.10.5")
    lab.on("admin", "ping -c 2 -i 0.3 10.20.20.21; ping -6 -c 2 -i 0.3 fd20:0:0:10::17; "
                    "ndisc6 -1 fd20:0:0:50::1 eth0; arping -c 1 -I eth0 10.20.50.61")


def imaging(lab):
    """Examinations on every scanner, query and retrieve, film printer."""
    device = f"{PYTHON} {HERE}/dicom_device.py"
    lab.on("mri", f"{device} mr {PACS} {RIS} --images 4 --print 10.20.20.26:11112:DRYPIX1", timeout=90)
    lab.on("ct", f"{device} ct {PACS} {RIS} --images 2 --big 256 --syntax implicit", timeout=90)
    lab.on("us", f"{device} us {PACS} {RIS} --store-to {ROUTE} --syntax deflated --user", timeout=90)
    lab.on("mg", f"{device} mg {PACS} {RIS} --store-to {ROUTE} --syntax big", timeout=90)
    # The CR console is DCMTK for images, and pynetdicom where DCMTK has no tool.
    files = f"{lab.work}/cr"
    os.makedirs(files, exist_ok=True)
    lab.on("cr", f"{PYTHON} {HERE}/make_files.py cr {files} 2")
    lab.on("cr", f"echoscu -aet FCRCAPS2 -aec HOSHIPACS 10.20.10.11 104")
    keys = ('-k "PatientName=" -k "PatientID=" -k "ScheduledProcedureStepSequence[0].Modality=CR" '
            '-k "ScheduledProcedureStepSequence[0].ScheduledStationAETitle=FCRCAPS2"')
    lab.on("cr", f"findscu -W -aet FCRCAPS2 -aec HOSHIRIS {keys} 10.20.10.12 11112")
    lab.on("cr", f"storescu -aet FCRCAPS2 -aec HOSHIPACS 10.20.10.11 104 {files}/*.dcm")
    lab.on("cr", f"{device} cr {PACS} {RIS} --no-store", timeout=60)
    patient = canaries.PATIENTS["ct"]
    lab.on("view", f'findscu -S -aet READWS1 -aec HOSHIPACS -k QueryRetrieveLevel=STUDY -k StudyInstanceUID '
                   f'-k PatientName="{canaries.PATIENTS["mr"][0]}" -k PatientID -k AccessionNumber '
                   f'-k PatientBirthDate -k StudyDescription 10.20.10.11 104')
    lab.on("view", f'movescu -S -aet READWS1 -aem READWS1 -aec HOSHIPACS -k QueryRetrieveLevel=STUDY '
                   f'-k StudyInstanceUID=1.2.392.200036.9116.2.6.1.48.2022.20260302.1 10.20.10.11 104')
    lab.on("view", f'movescu -S -aet READWS1 -aem READWS1 -aec HOSHIPACS -k QueryRetrieveLevel=STUDY '
                   f'-k StudyInstanceUID=1.3.12.2.1107.5.2.19.41587.20260302.1 10.20.10.11 104')
    lab.on("view", f'curl -s -u {ACCOUNTS["rest_user"]}:{ACCOUNTS["rest_pass"]} http://10.20.10.11:8042/system; '
                   f'curl -s -u {ACCOUNTS["rest_user"]}:{ACCOUNTS["rest_pass"]} -X POST '
                   f'-d \'{{"Level":"Study","Query":{{"PatientID":"{patient[1]}"}},"Expand":true}}\' '
                   f'http://10.20.10.11:8042/tools/find')


def messages(lab):
    """HL7 and ASTM."""
    player = f"{PYTHON} {HERE}/hl7_player.py"
    lab.on("his", f"{player} send 10.20.10.13 2575 adt,adt-utf8,adt-jis,adt-sjis")
    lab.on("engine", f"{player} send 10.20.10.12 2575 orm,adt-forwarded")
    lab.on("xn", f"{player} send 10.20.10.13 6661 oru-analyser")
    lab.on("engine", f"{player} send 10.20.10.12 2575 oru-forwarded")
    lab.on("mongw", f"{player} send 10.20.10.13 6661 oru-monitors --split")
    lab.on("lis", f"{player} send 10.20.10.13 6661 oru-sloppy")
    lab.on("coag", f"{player} astm-send 10.20.30.45 4010")


def offices(lab):
    """SMB, RDP, web, SSH, SNMP, FTP."""
    files, web, term = "10.20.10.15", "10.20.10.17", "10.20.10.18"
    windows(lab, "smb1", "cr", "winxp", files, ACCOUNTS["smb_xp_user"])
    windows(lab, "smb2", "mri", "win7", files, ACCOUNTS["smb_user"])
    windows(lab, "smb2", "ct", "win10-1809", files, ACCOUNTS["smb_w10_user"])
    windows(lab, "smb2", "view", "win10-22h2", files, ACCOUNTS["smb_user"])
    windows(lab, "smb2", "pc", "win10-22h2", files, ACCOUNTS["smb_w10_user"])
    put = f"cd {lab.work}; echo lab >{ACCOUNTS['smb_file']}; "
    login = f"-U {ACCOUNTS['smb_user']}%{ACCOUNTS['smb_pass']}"
    for dialect in ("NT1", "SMB2", "SMB3"):
        lab.on("admin", f"{put} smbclient //{files}/exchange {login} -m {dialect} --option='client min protocol=NT1' "
                        f"-c 'cd {ACCOUNTS['smb_dir']}; put {ACCOUNTS['smb_file']}; ls'")
    windows(lab, "rdp", "cr", "winxp", term, ACCOUNTS["rdp_xp_user"])
    windows(lab, "rdp", "pc", "win10-22h2", term, ACCOUNTS["rdp_user"])
    lab.on("admin", f"timeout 9 xvfb-run -a xfreerdp /v:{term} /u:{ACCOUNTS['rdp_real_user']} /p:lab /cert:ignore +auth-only "
                    f"/sec:tls", timeout=15)
    for host, kind in WINDOWS.items():
        windows(lab, "web", host, kind, web, f"intra.{DOMAIN}")
    name = f"intra.{DOMAIN}"
    lab.on("admin", f"curl -s -b 'session={ACCOUNTS['cookie']}' -H 'Authorization: Bearer {ACCOUNTS['bearer']}' "
                    f"'http://{name}/{ACCOUNTS['http_path']}?q={ACCOUNTS['http_query']}'; "
                    f"curl -s -d 'name={ACCOUNTS['form_value']}' http://{name}/form; "
                    f"curl -sk --tls-max 1.2 https://{name}/; curl -sk --tlsv1.3 https://{name}:8443/; "
                    f"curl -s -6 -g 'http://[fd20:0:0:10::17]/'")
    lab.on("admin", f"ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes "
                    f"-o ConnectTimeout=5 {ACCOUNTS['ssh_user']}@{web} true; true")
    for host in ("10.20.10.17", "10.20.50.61"):
        lab.on("admin", f"snmpget -v2c -c {ACCOUNTS['snmp_community']} {host} 1.3.6.1.2.1.1.1.0 1.3.6.1.2.1.1.2.0 "
                        f"1.3.6.1.2.1.1.5.0 1.3.6.1.2.1.1.6.0")
    lab.on("admin", f"curl -s --user {ACCOUNTS['ftp_user']}:{ACCOUNTS['ftp_pass']} ftp://{web}/; "
                    f"curl -s --user anonymous:{ACCOUNTS['ftp_pass']} ftp://{web}/; curl -s ftp://{web}/{ACCOUNTS['ftp_file']}; true")


def main():
    """Records the whole morning."""
    shutil.rmtree(WORK, ignore_errors=True)
    lab = Lab(WORK)
    try:
        build(lab)
        start(lab)
        lab.record(f"{WORK}/raw.pcap")
        for scene in (boot, names, imaging, messages, offices):
            print(f"scene {scene.__name__}", flush=True)
            scene(lab)
            time.sleep(1.2)
        lab.stop_recording()
    finally:
        lab.close()
    _, frames = pcapio.read_pcap(f"{WORK}/raw.pcap")
    kinds = {row["ip"]: row["os_kind"] for row in HOSTS.values()}
    frames = pcapio.stretch(pcapio.clean(frames, kinds), 900_000_000, 60)
    pcapio.write_pcapng(f"{OUT}/hospital.pcapng", frames)
    print(len(frames), "frames", os.path.getsize(f"{OUT}/hospital.pcapng"), "bytes")


if __name__ == "__main__":
    sys.exit(main())
