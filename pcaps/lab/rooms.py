"""Records what plant, telephones, doors between networks and switches say to each other.

One flat network (rooms_plan.py); with names of captures as arguments, only those."""
import os
import shutil
import sys
import time

import canaries
import pcapio
import servers
from net import Lab, run
from rooms_gear import Gear
from rooms_plan import ROOMS
from rooms_services import Services
from rooms_ward import Ward
from servers import HERE, PYTHON

OUT, WORK = os.environ["LAB_OUT"], os.environ["LAB_WORK"] + "/rooms"
ACCOUNTS = canaries.ACCOUNTS


class Rooms(Ward, Gear, Services):
    """A lab and the hosts of one capture."""

    def __init__(self, lab, hosts):
        self.lab, self.hosts = lab, hosts

    def ip(self, name):
        """Address of a host."""
        return self.hosts[name]["ip"]

    def serve(self, host, line, port=None):
        """Starts one of the players and waits for its port."""
        servers.start_python(self.lab, host, line)
        if port:
            self.lab.wait_port(host, port)

    def play(self, host, line):
        """One step of a player."""
        return self.lab.on(host, f"timeout 30 {PYTHON} {HERE}/{line}", timeout=40)

    def put(self, name, text, mode=0o644):
        """A file of a host's configuration."""
        return servers.put(f"{self.lab.work}/{name}", text, mode)

    # --- things ----------------------------------------------------------------
    def start_things(self):
        """The plant that waits to be asked, and the broker."""
        facts = {name: row["says"] for name, row in self.hosts.items()}
        self.serve("meter", f"things_player.py modbus-meter {self.ip('meter')} {facts['meter']}", 502)
        self.serve("boiler", "things_player.py s7-plc", 102)
        self.lab.spawn("lift", f"{PYTHON} -m cpppo.server.enip --no-udp --no-config SCADA=INT[10]")
        self.lab.wait_port("lift", 44818)
        users = self.put("mosquitto.users", "")
        self.lab.on("broker", f"mosquitto_passwd -b {users} {ACCOUNTS['mqtt_user']} {ACCOUNTS['mqtt_pass']}", check=True)
        conf = self.put("mosquitto.conf", f"listener 1883\npassword_file {users}\nuser root\n")
        self.lab.spawn("broker", f"mosquitto -c {conf}")
        self.lab.wait_port("broker", 1883)

    def things(self):
        """The building's management station reads its plant; a refrigerator reports."""
        self.lab.spawn("ahu", f"{PYTHON} {HERE}/things_player.py bacnet-device {self.ip('ahu')}/24 "
                              f"{self.hosts['ahu']['says']}")
        time.sleep(2)
        self.play("bms", f"things_player.py bacnet-read {self.ip('bms')}/24 {self.ip('ahu')}")
        self.play("bms", f"things_player.py modbus-read {self.ip('meter')}")
        self.play("bms", f"things_player.py s7-read {self.ip('boiler')}")
        self.lab.on("bms", f"timeout 20 {PYTHON} -m cpppo.server.enip.client -a {self.ip('lift')} --list-identity "
                           "SCADA[0-3]")
        self.play("bms", f"things_player.py knx-search {self.ip('bms')}")
        self.lab.on("fridge", f"for v in mqttv311 mqttv5; do mosquitto_pub -V $v -h {self.ip('broker')} -i fridge-7 "
                              f"-u {ACCOUNTS['mqtt_user']} -P {ACCOUNTS['mqtt_pass']} "
                              f"-t '{ACCOUNTS['mqtt_topic']}' -m '{ACCOUNTS['mqtt_text']}'; done")

    # --- bedside -----------------------------------------------------------------
    def start_bedside2(self):
        """An archive with DICOMweb."""
        config = {"Name": "DICOMWEB", "StorageDirectory": f"{self.lab.work}/orthanc", "HttpPort": 8042,
                  "IndexDirectory": f"{self.lab.work}/orthanc", "DicomAet": "WEBPACS", "DicomPort": 11112,
                  "Plugins": ["/usr/share/orthanc/plugins/libOrthancDicomWeb.so"], "RemoteAccessAllowed": True,
                  "AuthenticationEnabled": True, "ConcurrentJobs": 2,
                  "RegisteredUsers": {ACCOUNTS["rest_user"]: ACCOUNTS["rest_pass"]},
                  "DicomWeb": {"Enable": True, "Root": "/dicom-web/"}}
        path = self.put("orthanc.json", servers.json.dumps(config))
        self.lab.spawn("webpacs", f"Orthanc {path}")
        self.lab.wait_port("webpacs", 8042)

    def bedside2(self):
        """A ventilator with its metadata; a viewer that stores and asks over the web."""
        self.lab.spawn("vent2", f"{PYTHON} {HERE}/things_player.py sdc-provider {self.ip('vent2')} "
                                f"{HERE}/rooms_mdib.xml {self.hosts['vent2']['says']}")
        time.sleep(4)
        self.play("cockpit", f"things_player.py sdc-consumer {self.ip('cockpit')}")
        self.play("cockpit", f"things_player.py sdc-consumer {self.ip('cockpit')} plain")
        files = f"{self.lab.work}/stow"
        self.lab.on("viewer2", f"{PYTHON} {HERE}/make_files.py cr {files} 1", check=True)
        with open(f"{files}/1.dcm", "rb") as image:
            body = b"--lab\r\nContent-Type: application/dicom\r\n\r\n" + image.read() + b"\r\n--lab--\r\n"
        with open(f"{files}/body", "wb") as out:
            out.write(body)
        login = f"-s -u {ACCOUNTS['rest_user']}:{ACCOUNTS['rest_pass']}"
        base = f"http://{self.ip('webpacs')}:8042/dicom-web"
        self.lab.on("viewer2", f"curl {login} -H 'Accept: application/dicom+json' -H 'Content-Type: multipart/related; "
                               f"type=\"application/dicom\"; boundary=lab' --data-binary @{files}/body {base}/studies; "
                               f"curl {login} '{base}/studies?PatientID={canaries.PATIENTS['cr'][1]}&includefield=all'; "
                               f"curl {login} {base}/instances")


def main():
    """Records them one after another."""
    shutil.rmtree(WORK, ignore_errors=True)
    lab = Lab(WORK)
    try:
        lab.start_switch()
        lab.vsctl("set bridge core other_config:forward-bpdu=true")
        kept = list(lab.processes)
        for capture, hosts in ROOMS.items():
            if sys.argv[1:] and capture not in sys.argv[1:]:
                continue
            print(capture, flush=True)
            for name, row in hosts.items():
                if row["namespace"]:
                    lab.add_namespace(name)
                    six = [f"{row['ip6']}/64"] if row["ip6"] else []
                    lab.add_leg(name, "eth0", row["mac"], [f"{row['ip']}/24 brd 10.20.60.255"] + six)
            rooms, scene = Rooms(lab, hosts), capture.split(".", maxsplit=1)[0]
            getattr(rooms, f"start_{scene}")()
            time.sleep(1)
            lab.record(f"{WORK}/{capture}")
            getattr(rooms, scene)()
            lab.stop_recording()
            rest = [process for process in lab.processes if process not in kept]
            for process in reversed(rest):
                lab.stop(process)
            for name, row in hosts.items():
                if row["namespace"]:
                    run(f"ip netns del {name}")
            _, frames = pcapio.read_pcap(f"{WORK}/{capture}")
            pcapio.write_pcap(f"{OUT}/{capture}", pcapio.clean(frames, {}))
    finally:
        lab.close()


if __name__ == "__main__":
    sys.exit(main())
