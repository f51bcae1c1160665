"""Rooms without people: tunnels between networks, switches, routers, IPv6."""
import time

import canaries
from rooms_plan import DOMAIN

ACCOUNTS = canaries.ACCOUNTS


class Network:
    """Scenes; a part of Rooms."""

    # --- tunnels and screens -------------------------------------------------------
    def start_vpn(self):
        """Keys for everybody, and a screen to look at."""
        base = f"{self.lab.work}/vpn"
        self.put("vpn/empty", "")
        for name, device in (("gate", "wg0"), ("remote", "wg1")):
            self.lab.on(name, f"cd {base}; wg genkey >{name}.key; wg pubkey <{name}.key >{name}.pub; "
                              f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 180 "
                              f"-keyout {name}.pem -out {name}.crt -subj /CN={name}.{DOMAIN}", check=True)
            self.lab.spawn(name, f"env WG_PROCESS_FOREGROUND=1 wireguard-go -f {device}", shell="mkdir -p /run/wireguard")
        self.lab.on("gate", f"cd {base}; cat gate.crt remote.crt >both.crt", check=True)
        time.sleep(1.5)
        for name, device, other, last in (("gate", "wg0", "remote", 1), ("remote", "wg1", "gate", 2)):
            endpoint = f"endpoint {self.ip('gate')}:51820" if name == "remote" else ""
            self.lab.on(name, f"cd {base}; wg set {device} listen-port 51820 private-key {name}.key peer $(cat {other}.pub) "
                              f"allowed-ips 10.99.0.0/24 {endpoint}; ip addr add 10.99.0.{last}/24 dev {device}; "
                              f"ip link set {device} up")
        self.lab.spawn("gate", f"Xtigervnc :1 -geometry 64x48 -depth 16 -SecurityTypes None -desktop {ACCOUNTS['vnc_name']} "
                               "-rfbport 5901", shell="mount -t tmpfs tmpfs /tmp")
        self.lab.wait_port("gate", 5901)

    def openvpn(self, transport, port, last):
        """One tunnel between peers that know each other's certificate."""
        base = f"{self.lab.work}/vpn"
        common = (f"openvpn --dev tun{last} --dev-type tun --ca {base}/both.crt --port {port} --cipher AES-256-GCM "
                  "--auth-nocache --verb 1 --script-security 1 --connect-retry 1 ")
        server = self.lab.spawn("gate", f"{common} --proto {transport}{'-server' if transport == 'tcp' else ''} "
                                        f"--tls-server --dh none --cert {base}/gate.crt --key {base}/gate.pem "
                                        f"--ifconfig 10.98.{last}.1 10.98.{last}.2")
        time.sleep(1)
        self.lab.on("remote", f"timeout 4 {common} --proto {transport}{'-client' if transport == 'tcp' else ''} --tls-client "
                              f"--remote {self.ip('gate')} --cert {base}/remote.crt --key {base}/remote.pem "
                              f"--ifconfig 10.98.{last}.2 10.98.{last}.1; true")
        self.lab.stop(server)

    def vpn(self):
        """WireGuard, OpenVPN over both transports, IKE version 2, and a screen over VNC."""
        self.lab.on("remote", "ping -c 2 -i 0.3 10.99.0.1")
        self.openvpn("udp", 1194, 1)
        self.openvpn("tcp", 1194, 2)
        for name, other in (("gate", "remote"), ("remote", "gate")):
            conf = self.put(f"swan-{name}/swanctl.conf", f"""connections {{
 lab {{
  version = 2
  local_addrs = {self.ip(name)}
  remote_addrs = {self.ip(other)}
  local {{
   auth = psk
   id = {name}.{DOMAIN}
  }}
  remote {{
   auth = psk
   id = {other}.{DOMAIN}
  }}
  children {{
   lab {{
   }}
  }}
 }}
}}
secrets {{
 ike-lab {{
  secret = lab
 }}
}}
""")
            self.put(f"swan-{name}/strongswan.conf", f"""charon-systemd {{
 load_modular = no
 send_vendor_id = yes
 install_routes = no
 plugins {{
  vici {{
   socket = unix://{self.lab.work}/swan-{name}/vici
  }}
 }}
}}
swanctl {{
 load = random openssl
}}
""")
            self.lab.spawn(name, f"env STRONGSWAN_CONF={self.lab.work}/swan-{name}/strongswan.conf charon-systemd")
            time.sleep(2)
            self.lab.on(name, f"STRONGSWAN_CONF={self.lab.work}/swan-{name}/strongswan.conf timeout 8 swanctl --load-all "
                              f"--file {conf} --uri unix://{self.lab.work}/swan-{name}/vici")
        self.lab.on("remote", f"STRONGSWAN_CONF={self.lab.work}/swan-remote/strongswan.conf timeout 8 swanctl --initiate "
                              f"--child lab --uri unix://{self.lab.work}/swan-remote/vici; true")
        self.lab.on("remote", f"timeout 4 xvfb-run -a xtigervncviewer {self.ip('gate')}::5901; true", timeout=15)

    # --- names and neighbours ----------------------------------------------------------
    def start_names6(self):
        """dnsmasq for version 6, a bridge with a spanning tree."""
        self.lab.on("sw2", "ip link add br0 type bridge stp_state 1 forward_delay 400 priority 4096 && "
                           "ip link set eth0 master br0; ip link set br0 address 00:1b:54:c2:64:04; ip link set br0 up")
        conf = self.put("dnsmasq6.conf", "port=0\nkeep-in-foreground\nuser=root\npid-file=\ninterface=eth0\n"
                        f"dhcp-leasefile={self.lab.work}/leases6\nenable-ra\ndomain={DOMAIN}\n"
                        "dhcp-range=fd20:0:0:60::1000,fd20:0:0:60::1fff,64,8h\n")
        self.lab.spawn("dhcp6", f"dnsmasq -k -C {conf}")
        time.sleep(1)

    def ospf(self, name):
        """FRRouting with one area."""
        self.put(f"frr-{name}/zebra.conf", f"hostname {name}\n")
        self.put(f"frr-{name}/ospfd.conf", f"hostname {name}\ninterface eth0\n ip ospf hello-interval 1\n"
                 f" ip ospf dead-interval 4\nrouter ospf\n ospf router-id {self.ip(name)}\n"
                 " network 10.20.60.0/24 area 0.0.0.60\n")
        self.frr(name, "zebra", "ospfd")

    def frr(self, name, *daemons):
        """Daemons of FRRouting, whose configuration is there, with a group file that they accept."""
        base = f"{self.lab.work}/frr-{name}"
        private = (f"mount -t tmpfs tmpfs /run; mkdir -p /run/frr; sed '/^frrvty:/s/$/,root/' /etc/group >{base}/group; "
                   f"mount --bind {base}/group /etc/group")
        for daemon in daemons:
            self.lab.spawn(name, f"/usr/lib/frr/{daemon} -u root -g root -z {base}/zserv -i {base}/{daemon}.pid -P 0 "
                                 f"--vty_socket {base} -f {base}/{daemon}.conf", shell=private)
            time.sleep(1)

    def names6(self):
        """Routers share an address and routes, a telephone tells its neighbour what it is, a cart asks for an address."""
        for name, priority in (("r1", 150), ("r2", 100)):
            conf = self.put(f"keepalived-{name}.conf", f"""vrrp_instance lab {{
 state BACKUP
 interface eth0
 virtual_router_id 60
 priority {priority}
 advert_int 1
 virtual_ipaddress {{
  10.20.60.1
 }}
}}
""")
            self.lab.spawn(name, f"keepalived -n -f {conf} -p {self.lab.work}/{name}.pid -r {self.lab.work}/{name}.vrrp",
                           shell="mount -t tmpfs tmpfs /run")
            self.ospf(name)
        base = f"{self.lab.work}/lldpd"
        self.put("lldpd/empty", "")
        conf = self.put("lldpd/lldpd.conf", """configure system hostname tel-3w-07
configure system description "Polycom VVX 411 ナースステーション"
configure system interface pattern eth0
configure inventory hardware-revision 3111-48450-001
configure inventory firmware-revision 5.9.6
configure inventory software-revision 5.9.6.2327
configure inventory serial-number 0004f23b6421
configure inventory manufacturer Polycom
configure inventory model "VVX 411"
configure med location address country JP language ja city 星川市 floor 3 room 看護師室
configure lldp tx-interval 2
""")
        self.lab.spawn("phone6", f"lldpd -d -M 3 -I eth0 -u {base}/socket -O {conf}",
                       shell="mount -t tmpfs tmpfs /run; mkdir -p /run/lldpd /var/run/lldpd")
        lease = self.put("dhcp6/conf", 'send fqdn.fqdn "ecg-cart-07.";\nsend dhcp6.vendor-class 0:0:1:37:0:8:4d:53:46:54:20:35:2e:30;\n'
                                       "also request dhcp6.domain-search;\n")
        base = lease.rsplit("/", 1)[0]
        self.lab.on("ecg", f"timeout 12 dhclient -6 -1 -D LL -cf {lease} -sf /bin/true -lf {base}/leases -pf {base}/pid eth0; "
                           f"sleep 0.3; kill $(cat {base}/pid)", timeout=20)
        time.sleep(8)
