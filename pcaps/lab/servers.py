"""Configures and starts the real server software on lab hosts."""
import json
import os

import canaries
from plan import DOMAIN, HOSTS, ROUTER_MAC, VLANS

ACCOUNTS = canaries.ACCOUNTS
HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = os.environ.get("LAB_PYTHON", "python3")


def put(path, text, mode=0o644):
    """Writes a configuration file."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    os.chmod(path, mode)
    return path


def start_python(lab, host, command):
    """Starts one of this folder's players as a server."""
    return lab.spawn(host, f"{PYTHON} {HERE}/{command}")


def start_dns_dhcp(lab, host="infra", hosts=None):
    """dnsmasq as DNS server, and DHCP server for all VLANs through the relay."""
    hosts = hosts or HOSTS
    lines = ["no-resolv", "no-hosts", f"domain={DOMAIN}", "expand-hosts", "no-ping",
             "log-queries", "keep-in-foreground", "user=root", "dhcp-authoritative",
             f"dhcp-leasefile={lab.work}/leases", "pid-file=", "bind-interfaces", "interface=eth0",
             "dhcp-option=option:dns-server,10.20.10.5", "dhcp-option=44,10.20.10.15",
             f"host-record=www.msftncsi.com,{hosts['web']['ip']}" if "web" in hosts else "",
             f"host-record=www.msftconnecttest.com,{hosts['web']['ip']}" if "web" in hosts else "",
             f"host-record=intra.{DOMAIN},{hosts['web']['ip']}" if "web" in hosts else ""]
    for vlan, (prefix, name) in VLANS.items():
        lines.append(f"dhcp-range=set:{name},{prefix}.150,{prefix}.199,255.255.255.0,8h")
        lines.append(f"dhcp-option=tag:{name},option:router,{prefix}.1")
        lines.append(f"# vlan {vlan}")
    for row in hosts.values():
        lines.append(f"dhcp-host={row['mac']},{row['ip']}")
        lines.append(f"host-record={row['name']}.{DOMAIN},{row['ip']}"
                     + (f",{row['ip6']}" if row["ip6"] else ""))
    path = put(f"{lab.work}/dnsmasq.conf", "\n".join(lines) + "\n")
    return lab.spawn(host, f"dnsmasq -k -C {path}")


def start_orthanc(lab, host="pacs", peers=()):
    """Orthanc as archive; `peers` are (name, AE, ip, port) it may send to."""
    config = {
        "Name": "HOSHIPACS", "StorageDirectory": f"{lab.work}/orthanc",
        "IndexDirectory": f"{lab.work}/orthanc", "Plugins": [], "ConcurrentJobs": 2,
        "DicomAet": "HOSHIPACS", "DicomPort": 104, "DicomCheckCalledAet": False,
        "HttpPort": 8042, "RemoteAccessAllowed": True, "AuthenticationEnabled": True,
        "RegisteredUsers": {ACCOUNTS["rest_user"]: ACCOUNTS["rest_pass"]},
        "DicomAlwaysAllowEcho": True, "DicomAlwaysAllowStore": True, "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowMove": True, "UnknownSopClassAccepted": True, "StableAge": 3,
        "DeflatedTransferSyntaxAccepted": True, "SynchronousCMove": True, "OverwriteInstances": True,
        "DicomModalities": {name: {"AET": title, "Host": ip, "Port": port, "AllowStorageCommitment": True}
                            for name, title, ip, port in peers},
    }
    path = put(f"{lab.work}/orthanc.json", json.dumps(config, indent=1))
    return lab.spawn(host, f"Orthanc {path}")


def start_samba(lab, host="files", ip="10.20.10.15", name="FILES01"):
    """smbd with guest access for SMB1 to SMB3."""
    base = f"{lab.work}/samba"
    os.makedirs(f"{base}/exchange/{ACCOUNTS['smb_dir']}", exist_ok=True)
    os.chmod(f"{base}/exchange", 0o777)
    for part in ("private", "state", "cache", "lock", "pid", "ncalrpc"):
        os.makedirs(f"{base}/{part}", exist_ok=True)
    path = put(f"{base}/smb.conf", f"""[global]
 netbios name = {name}
 workgroup = HOSHIRAD
 server string = Radiology exchange
 interfaces = {ip}/24
 bind interfaces only = yes
 server min protocol = NT1
 client min protocol = NT1
 ntlm auth = yes
 map to guest = Bad User
 guest account = nobody
 private dir = {base}/private
 state directory = {base}/state
 cache directory = {base}/cache
 lock directory = {base}/lock
 pid directory = {base}/pid
 ncalrpc dir = {base}/ncalrpc
 log file = {base}/log
 disable spoolss = yes
 load printers = no
 local master = yes
 os level = 65
[exchange]
 path = {base}/exchange
 guest ok = yes
 read only = no
 force user = root
""")
    lab.spawn(host, f"smbd -F --no-process-group -s {path}")


def start_nmbd(lab, host="files"):
    """nmbd: NBNS, browser announcements and elections."""
    lab.spawn(host, f"nmbd -F --no-process-group -s {lab.work}/samba/smb.conf", shell="mkdir -p /run/samba")


def start_web(lab, host="web", name=f"intra.{DOMAIN}"):
    """nginx with HTTP, TLS 1.2 only on 443 and TLS 1.3 only on 8443."""
    base = f"{lab.work}/web"
    os.makedirs(f"{base}/www/pki", exist_ok=True)
    lab.on(host, f"openssl req -x509 -newkey rsa:2048 -nodes -days 397 -keyout {base}/key.pem"
                 f" -out {base}/cert.pem -subj '/C=JP/O=Hoshikawa University Hospital/OU=Medical IT/CN={name}'"
                 f" -addext subjectAltName=DNS:{name}", check=True)
    put(f"{base}/www/index.html", "<html><title>Intranet</title>intranet</html>\n")
    put(f"{base}/www/connecttest.txt", "Microsoft Connect Test")
    put(f"{base}/www/ncsi.txt", "Microsoft NCSI")
    put(f"{base}/www/pki/root.crl", "lab\n")
    site = f"root {base}/www; location / {{ try_files $uri /index.html; }}"
    path = put(f"{base}/nginx.conf", f"""daemon off; pid {base}/pid; user root; worker_processes 1;
error_log {base}/error.log; events {{}}
http {{ access_log off; client_body_temp_path {base}/b; proxy_temp_path {base}/p; fastcgi_temp_path {base}/f;
 uwsgi_temp_path {base}/u; scgi_temp_path {base}/s; ssl_certificate {base}/cert.pem;
 ssl_certificate_key {base}/key.pem;
 server {{ listen 80; listen [::]:80; error_page 405 =200 $uri; {site} }}
 server {{ listen 443 ssl; ssl_protocols TLSv1.2; {site} }}
 server {{ listen 8443 ssl; ssl_protocols TLSv1.3; {site} }} }}
""")
    return lab.spawn(host, f"nginx -c {path}")


def start_ssh(lab, host="web"):
    """OpenSSH server that lets nobody in by password."""
    base = f"{lab.work}/ssh"
    os.makedirs(base, exist_ok=True)
    if not os.path.exists(f"{base}/host"):
        lab.on(host, f"ssh-keygen -q -t ed25519 -N '' -C '' -f {base}/host")
        lab.on(host, f"ssh-keygen -q -t rsa -b 2048 -N '' -C '' -f {base}/host_rsa")
    return lab.spawn(host, f"/usr/sbin/sshd -D -e -f /dev/null -h {base}/host -h {base}/host_rsa -o UsePAM=no "
                           f"-o PidFile=none -o PasswordAuthentication=no", shell="mkdir -p /run/sshd")


def start_snmp(lab, host, describe, object_id, location):
    """snmpd with a system group of its own."""
    base = f"{lab.work}/snmp-{host}"
    path = put(f"{base}/snmpd.conf", f"""agentaddress udp:161
rocommunity {ACCOUNTS['snmp_community']}
sysdescr {describe}
sysobjectid {object_id}
sysname {host}
syslocation {location}
syscontact medical-it
""")
    return lab.spawn(host, f"env SNMP_PERSISTENT_DIR={base} snmpd -f -Lf {base}/log -C -c {path} -p {base}/pid")


def start_ftp(lab, host="web"):
    """vsftpd with one local account in clear text (made in a private passwd file)."""
    base = f"{lab.work}/ftp"
    put(f"{base}/{ACCOUNTS['ftp_file']}", "lab\n")
    path = put(f"{base}/vsftpd.conf", f"""listen=YES
background=NO
anonymous_enable=YES
anon_root={base}
local_enable=NO
seccomp_sandbox=NO
isolate=NO
isolate_network=NO
secure_chroot_dir={base}/empty
""")
    os.makedirs(f"{base}/empty", exist_ok=True)
    return lab.spawn(host, f"vsftpd {path}")


def start_avahi(lab, host, name, services):
    """avahi-daemon; `services` is a list of (type, port, [txt])."""
    base = f"{lab.work}/avahi-{host}"
    os.makedirs(f"{base}/services", exist_ok=True)
    body = "".join(f"<service><type>{kind}</type><port>{port}</port>"
                   + "".join(f"<txt-record>{text}</txt-record>" for text in texts) + "</service>"
                   for kind, port, texts in services)
    if body:
        put(f"{base}/services/lab.service", '<?xml version="1.0"?><!DOCTYPE service-group SYSTEM '
            f'"avahi-service.dtd"><service-group><name>{name}</name>{body}</service-group>')
    path = put(f"{base}/avahi.conf", f"""[server]
host-name={name.lower().replace(' ', '-')[:40]}
use-ipv4=yes
use-ipv6=yes
enable-dbus=no
allow-interfaces=eth0
[publish]
publish-workstation=yes
publish-hinfo=yes
""")
    return lab.spawn(host, f"avahi-daemon --no-drop-root --no-chroot --no-rlimits -f {path}",
                     shell=f"mkdir -p /run/avahi-daemon; mount -t tmpfs tmpfs /run; mkdir -p /run/avahi-daemon; "
                           f"mount --bind {base}/services /etc/avahi/services")


def start_xrdp(lab, host="term"):
    """xrdp that accepts classic RDP security and TLS."""
    base = f"{lab.work}/xrdp"
    os.makedirs(base, exist_ok=True)
    lab.on(host, f"xrdp-keygen xrdp {base}/rsakeys.ini; openssl req -x509 -newkey rsa:2048 -nodes -days 180 "
                 f"-keyout {base}/key.pem -out {base}/cert.pem -subj /CN=term.{DOMAIN}")
    path = put(f"{base}/xrdp.ini", f"""[Globals]
ini_version=1
fork=false
port=3389
security_layer=negotiate
crypt_level=low
certificate={base}/cert.pem
key_file={base}/key.pem
rsakeys_ini={base}/rsakeys.ini
ssl_protocols=TLSv1.2
autorun=
allow_channels=false
max_bpp=16
[Logging]
LogFile={base}/log
LogLevel=INFO
EnableSyslog=false
[Xorg]
name=Xorg
lib=libxup.so
username=ask
password=ask
""")
    return lab.spawn(host, f"xrdp --nodaemon --config {path}",
                     shell="mount -t tmpfs tmpfs /run; mkdir -p /run/xrdp/sockdir")


def start_relay(lab, server="10.20.10.5"):
    """isc-dhcp-relay on the router; option 82 names the leg."""
    down = " ".join(f"-id vlan{vlan}" for vlan in VLANS if vlan != 10)
    return lab.spawn("router", f"dhcrelay -4 -d -a -m append {down} -iu vlan10 {server}",
                     shell="mount -t tmpfs tmpfs /run")


def start_dicom_router(lab, host="dcmroute", target="10.20.10.11", port=104):
    """DCMTK storescp that sends everything on, under its own title."""
    base = f"{lab.work}/route"
    os.makedirs(base, exist_ok=True)
    send = (f"storescu -aet DCMROUTE -aec HOSHIPACS -R {target} {port} #p/#f")
    return lab.spawn(host, f"storescp -aet DCMROUTE +xa --fork -od {base} "
                           f"--exec-on-reception '{send}' 11112")


def router_legs(lab):
    """The router: one leg per VLAN, all behind one MAC."""
    lab.add_namespace("router")
    for vlan, (prefix, _) in VLANS.items():
        lab.add_leg("router", f"vlan{vlan}", ROUTER_MAC,
                    [f"{prefix}.1/24", f"fd20:0:0:{vlan}::1/64"], vlan)
    lab.on("router", "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 "
                     "net.ipv4.conf.all.send_redirects=0", check=True)
