"""Builds the network: one namespace per host on an Open vSwitch with a mirror.

Runs as root inside private mount, pid and network namespaces (see build.sh),
so nothing here can reach or disturb the machine outside.
"""
import os
import shlex
import signal
import subprocess
import time

TTL = {"linux": 64, "win7": 128, "win10": 128, "winxp": 128}


def run(command, check=True, quiet=True):
    """Runs one command line and returns its output."""
    done = subprocess.run(shlex.split(command), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode and check:
        raise RuntimeError(f"{command}: {done.stdout}")
    if not quiet:
        print(done.stdout, flush=True)
    return done.stdout


class Lab:
    """A switch, hosts, and the processes that run on them."""

    def __init__(self, work):
        self.work = work
        self.processes = []
        self.dump = None
        os.makedirs(work, exist_ok=True)

    # --- switch -------------------------------------------------------------
    def start_switch(self):
        """Starts Open vSwitch (userspace datapath) with a mirror on port mir0."""
        ovs = f"{self.work}/ovs"
        os.makedirs(ovs, exist_ok=True)
        for name in ("OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR"):
            os.environ[name] = ovs
        run(f"ovsdb-tool create {ovs}/conf.db /usr/share/openvswitch/vswitch.ovsschema")
        self.spawn_root(f"ovsdb-server {ovs}/conf.db --remote=punix:{ovs}/db.sock --no-chdir"
                        f" --unixctl={ovs}/db.ctl")
        self.wait(lambda: os.path.exists(f"{ovs}/db.sock"), "ovsdb")
        self.spawn_root(f"ovs-vswitchd unix:{ovs}/db.sock --unixctl={ovs}/sw.ctl")
        self.vsctl("--no-wait init")
        self.vsctl("add-br core -- set bridge core datapath_type=netdev")
        run("ip link add mir0 type veth peer name mir1")
        for name in ("mir0", "mir1"):
            run(f"ip link set {name} up")
            run(f"ethtool -K {name} tx off rx off gso off gro off tso off", check=False)
            run(f"sysctl -qw net.ipv6.conf.{name}.disable_ipv6=1", check=False)
        self.vsctl("add-port core mir0 -- --id=@p get port mir0 -- "
                   "--id=@m create mirror name=span select-all=true output-port=@p -- "
                   "set bridge core mirrors=@m")

    def vsctl(self, command):
        return run(f"ovs-vsctl --db=unix:{self.work}/ovs/db.sock -t 15 {command}")

    def add_leg(self, namespace, inside, mac, addresses, vlan=None):
        """Plugs a namespace into the switch, as an access port of `vlan`."""
        outside = f"p{len(self.legs)}"
        self.legs.append(outside)
        run(f"ip link add {outside} type veth peer name {inside} netns {namespace}")
        run(f"ip link set {outside} up")
        run(f"ethtool -K {outside} tx off rx off gso off gro off tso off", check=False)
        run(f"sysctl -qw net.ipv6.conf.{outside}.disable_ipv6=1", check=False)
        inns = f"ip netns exec {namespace} "
        run(f"{inns}ethtool -K {inside} tx off rx off gso off gro off tso off", check=False)
        run(f"{inns}ip link set {inside} address {mac}")
        tag = f" tag={vlan}" if vlan else ""
        self.vsctl(f"add-port core {outside}{tag}")
        run(f"{inns}ip link set {inside} up")
        for address in addresses:
            extra = " nodad" if ":" in address else ""
            run(f"{inns}ip addr add {address} dev {inside}{extra}")

    legs = []

    def add_namespace(self, name, os_kind="linux"):
        """Makes a namespace whose stack answers a little like `os_kind`."""
        run(f"ip netns add {name}")
        inns = f"ip netns exec {name} "
        run(f"{inns}ip link set lo up")
        run(f"{inns}sysctl -qw net.ipv4.ip_default_ttl={TTL[os_kind]}")
        run(f"{inns}sysctl -qw net.ipv6.conf.all.accept_ra=0", check=False)
        # What other systems would say nothing about, or say by other means.
        run(f"{inns}nft add table ip lab")
        run(f"{inns}nft add chain ip lab out {{ type filter hook output priority 0 ; }}")
        run(f"{inns}nft add rule ip lab out icmp type destination-unreachable drop")
        run(f"{inns}sysctl -qw net.ipv4.tcp_rmem='4096 131072 6291456'", check=False)
        if os_kind != "linux":
            run(f"{inns}sysctl -qw net.ipv4.tcp_timestamps=0")
            run(f"{inns}sysctl -qw net.ipv4.tcp_ecn=0")
        if os_kind == "winxp":
            run(f"{inns}sysctl -qw net.ipv4.tcp_window_scaling=0")
            run(f"{inns}sysctl -qw net.ipv6.conf.all.disable_ipv6=1")

    # --- processes ----------------------------------------------------------
    def spawn_root(self, command, log=None):
        """Starts a daemon in the lab's own root namespace."""
        with open(f"{self.work}/{log or 'daemons'}.log", "ab") as out:
            process = subprocess.Popen(shlex.split(command), stdout=out, stderr=out,
                                       stdin=subprocess.DEVNULL, start_new_session=True)
        self.processes.append(process)
        return process

    def spawn(self, name, command, shell=None):
        """Starts a daemon on host `name`; `shell` gives it private mounts first."""
        line = f"ip netns exec {name} unshare -mu sh -c " + shlex.quote(
            f"hostname {name}; {shell + '; ' if shell else ''}exec {command}")
        return self.spawn_root(line, log=f"host-{name}")

    def on(self, name, command, timeout=60, check=False):
        """Runs a command on host `name` to its end and returns its output."""
        try:
            done = subprocess.run(["ip", "netns", "exec", name, "unshare", "-u", "sh", "-c",
                                   f"hostname {name}; {command}"],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  stdin=subprocess.DEVNULL, timeout=timeout, check=False,
                                  start_new_session=True)
            text = done.stdout.decode("utf-8", "replace")
            code = done.returncode
        except subprocess.TimeoutExpired as late:
            text = (late.stdout or b"").decode("utf-8", "replace") + "\nTIMEOUT"
            code = -1
        with open(f"{self.work}/steps.log", "a", encoding="utf-8") as log:
            log.write(f"--- {name}: {command}\n{text}\n=> {code}\n")
        if code:
            print(f"  note: {name}: {command[:90]} => {code}", flush=True)
            if check:
                raise RuntimeError(text)
        return text

    @staticmethod
    def wait(condition, what, seconds=20):
        """Waits until `condition` holds; gives up loudly."""
        for _ in range(seconds * 10):
            if condition():
                return
            time.sleep(0.1)
        raise RuntimeError(f"gave up waiting for {what}")

    def wait_port(self, name, port, seconds=25):
        """Waits until something listens on TCP `port` of host `name`."""
        self.wait(lambda: f":{port} " in run(f"ip netns exec {name} ss -Htln", check=False),
                  f"{name}:{port}", seconds)

    def stop(self, process):
        """Ends one process that this lab started."""
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
        if process in self.processes:
            self.processes.remove(process)

    def close(self):
        """Ends everything, newest first."""
        for process in list(reversed(self.processes)):
            self.stop(process)

    # --- recording ----------------------------------------------------------
    def record(self, path):
        """Starts recording the mirror into `path`."""
        self.dump = self.spawn_root(f"dumpcap -q -P -i mir1 -B 16 -s 0 -w {path}", log="dumpcap")
        self.wait(lambda: os.path.exists(path) and os.path.getsize(path) > 0, "dumpcap")
        time.sleep(0.3)

    def stop_recording(self):
        """Stops the recording after what is still under way arrived."""
        time.sleep(0.7)
        self.stop(self.dump)
        self.dump = None
