"""Rooms of beds and desks: devices with protocols of their own, printers, databases, telephones over TCP.

What no software here can speak is made from documented bytes (ward_player.py, desk_player.py).
"""
import time

import canaries
from rooms_office import Office

ACCOUNTS = canaries.ACCOUNTS
EVERYBODY = "10.20.60.255"


class Ward(Office):
    """Scenes; a part of Rooms."""

    # --- bedside3 --------------------------------------------------------------------
    def start_bedside3(self):
        """Who is asked at the bedside, and who collects."""
        for host, word, port in (("collector", "phd-manager", 6024), ("labhost", "vidas-host 6000", 6000),
                                 ("syringe", f"terumo-pump {self.hosts['syringe']['says']}", 8001),
                                 ("pump", f"spectrum-pump {self.hosts['pump']['says']}", 23)):
            self.serve(host, f"ward_player.py {word}", port)
        for maker in ("digi", "lantronix", "moxa"):
            self.serve(maker, f"ward_player.py bridge {maker} {self.ip(maker)} {self.hosts[maker]['says']}")
        self.lab.on("cms", f"ip route add 202.114.4.119 dev eth0; ip route add 202.114.4.120 via {self.ip('labhost')}")
        time.sleep(1)

    def bedside3(self):
        """Monitors announce themselves and are read, a pump is visited, results come over a serial line."""
        self.play("central", f"ward_player.py carescape-time {self.ip('central')} {EVERYBODY} '{self.hosts['central']['says']}'")
        self.play("gemon", f"ward_player.py carescape {self.ip('gemon')} {EVERYBODY} '{self.hosts['gemon']['says']}' "
                           f"{self.ip('central')}")
        self.play("collector", f"ward_player.py terumo-ask {self.ip('syringe')}")
        self.serve("mx", f"ward_player.py intellivue-monitor {EVERYBODY} {self.hosts['mx']['says']}")
        time.sleep(2)
        self.play("collector", f"ward_player.py intellivue-client {self.ip('mx')}")
        self.play("oximeter", f"ward_player.py phd-agent {self.ip('collector')} {self.hosts['oximeter']['says']}")
        self.play("tech", f"ward_player.py spectrum-visit {self.ip('pump')}")
        self.play("tech", f"ward_player.py bridge-search {EVERYBODY}")
        self.play("vidas", f"ward_player.py vidas-send {self.ip('labhost')} 6000")
        self.play("cms", "ward_player.py contec 202.114.4.119 202.114.4.120")

    # --- desk ------------------------------------------------------------------------
    def start_desk(self):
        """Samba's endpoint mapper, a telnet server, a registrar, printers, and databases."""
        base = f"{self.lab.work}/epm"
        conf = self.put("epm/smb.conf", f"""[global]
workgroup = HOSHIKAWA
netbios name = EPM
private dir = {base}
lock directory = {base}
state directory = {base}
cache directory = {base}
pid directory = {base}
ncalrpc dir = {base}/ncalrpc
log file = {base}/log
map to guest = bad user
rpc start on demand helpers = no
""")
        self.lab.spawn("epm", f"/usr/libexec/samba/samba-dcerpcd -F --no-process-group --libexec-rpcds -s {conf}",
                       shell="mkdir -p /run/samba")
        inetd = self.put("inetd.conf", "telnet stream tcp nowait root /usr/sbin/telnetd telnetd\n")
        self.lab.spawn("console", f"inetutils-inetd -d {inetd}")
        self.start_registrar()
        for host, word, port in (("laser", f"printer 9100 {self.hosts['laser']['says']}", 9100),
                                 ("labels", f"printer 9100 {self.hosts['labels']['says']}", 9100),
                                 ("risdb", "sql-server", 1433), ("hisdb", "oracle-listener", 1521), ("pc2", "peer 7680", 7680),
                                 ("away", "peer 5938", 5938)):
            self.serve(host, f"desk_player.py {word}", port)
        self.serve("risdb", "desk_player.py sql-browser RIS-DB1")
        self.lab.wait_port("epm", 135)
        self.lab.wait_port("console", 23)

    def desk(self):
        """A workstation prints, and asks databases; somebody logs on to a console; a telephone registers."""
        station = "ord-ws-07"
        self.play(station, f"desk_player.py rpc-dump {self.ip('epm')}")
        conf = self.put("freetds.conf", "[global]\n tds version = 7.4\n encryption = off\n client charset = UTF-8\n")
        ask = self.put("ask.sql", f"select * from worklist where name = '{canaries.PATIENTS['us'][0]}'\ngo\nexit\n")
        self.lab.on(station, f"tsql -LH {self.ip('risdb')}; FREETDSCONF={conf} timeout 8 tsql -H {self.ip('risdb')} -p 1433 "
                             f"-U {ACCOUNTS['sql_user']} -P lab -D worklist <{ask}; true")
        self.play(station, f"desk_player.py oracle-ask {self.ip('hisdb')} {station}")
        typed = f"sleep 1; echo {ACCOUNTS['telnet_user']}; sleep 1; echo {ACCOUNTS['telnet_pass']}; sleep 4"
        self.lab.on(station, f"({typed}) | timeout 9 telnet {self.ip('console')}; true", timeout=15)
        for word, host in (("pjl-job", "laser"), ("zpl-label", "labels")):
            self.play(station, f"desk_player.py {word} {self.ip(host)}")
        self.register("phone", ";transport=tcp")
        self.play("pc1", f"desk_player.py swarm {self.ip('pc2')}")
        self.play("pc1", f"desk_player.py teamviewer {self.ip('away')}")
