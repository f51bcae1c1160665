#!/bin/sh
# Builds the captures of pcaps/lab anew. Needs Debian 12, root, a network for apt and pip.
# Usage: build.sh [hospital|topics|rooms|starts|craft|all|NAME.pcap]
#   NAME.pcap  one capture on a single topic, and its truth
#   OUT=dir    writes there instead of over the committed captures
#   WORK=dir   keeps logs and the Python packages there; run again, it installs nothing twice
set -eu
export PYTHONDONTWRITEBYTECODE=1
fail() {
    echo "build.sh: $*" >&2
    exit 1
}
here=$(cd "$(dirname "$0")" && pwd)
what=${1:-all}
case $what in
    hospital | topics | rooms | starts | craft | all) ;;
    starts.pcap) recorder=starts ;;
    *.pcap)
        if grep -q "\"$what\"," "$here/topics.py"; then
            recorder=topics
        elif grep -q "= \"$what\"" "$here/rooms_plan.py"; then
            recorder=rooms
        else
            fail "$what is no capture of topics.py or rooms_plan.py"
        fi
        ;;
    *) fail "usage: build.sh [hospital|topics|rooms|starts|craft|all|NAME.pcap]" ;;
esac
[ "$(id -u)" = 0 ] || fail "run as root"
[ -e /etc/debian_version ] || fail "Debian 12 is needed: other systems package other versions"
unshare --mount --pid --fork --net true 2>/dev/null ||
    fail "namespaces cannot be made here; in a container, run it privileged"
[ -c /dev/net/tun ] || fail "/dev/net/tun is missing: Open vSwitch makes its bridge of it (modprobe tun)"
mkdir -p "${OUT:=$here}"
out=$(cd "$OUT" && pwd)
if [ -n "${WORK:-}" ]; then
    mkdir -p "$WORK"
    work=$(cd "$WORK" && pwd)
else
    work=$(mktemp -d)
fi

# Packages must not start their daemons on this machine.
policy=/usr/sbin/policy-rc.d
made=
ended() {
    status=$?
    [ -z "$made" ] || rm -f "$policy"
    if [ "$status" != 0 ]; then
        echo "build.sh: failed; the logs are in $work" >&2
    elif [ -z "${WORK:-}" ]; then
        rm -rf "$work"
    fi
}
trap ended EXIT
trap 'exit 1' INT TERM
if [ ! -e "$policy" ]; then
    made=1
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
"$here/../../.ci/install.sh" openvswitch-switch tshark dcmtk orthanc samba smbclient dnsmasq-base \
    isc-dhcp-relay isc-dhcp-client udhcpc avahi-daemon nginx-light curl openssh-server \
    openssh-client snmpd snmp vsftpd iproute2 iputils-ping iputils-arping ethtool \
    bind9-dnsutils ndisc6 python3-venv xrdp freerdp2-x11 xvfb xauth nftables zstd openssl procps \
    freeradius freeradius-utils slapd ldap-utils krb5-user samba-ad-provision samba-dsdb-modules samba-vfs-modules \
    orthanc-dicomweb mosquitto mosquitto-clients kamailio baresip-core gir1.2-gst-rtsp-server-1.0 python3-gi \
    gstreamer1.0-plugins-base gstreamer1.0-plugins-good wireguard-tools wireguard-go openvpn charon-systemd \
    strongswan-swanctl tigervnc-standalone-server tigervnc-viewer keepalived frr lldpd \
    mariadb-server mariadb-client postgresql-15 postgresql-client-15 postfix dovecot-imapd dovecot-pop3d \
    qemu-system-x86 ipxe-qemu ntpsec ntpsec-ntpdate inetutils-telnetd inetutils-inetd inetutils-telnet freetds-bin
[ -z "$made" ] || rm -f "$policy"
made=

# The list of what is in the environment is written last: half of one is made again.
modules="pydicom==3.0.2 pynetdicom==3.0.4 scapy==2.8.0 impacket==0.13.1 bacpypes==0.19.0 pymodbus==3.16.1"
modules="$modules cpppo==5.2.5 python-snap7==3.3.0 xknx==4.0.0 sdc11073==3.0.0 aioquic==1.7.2 labmcp-astm-lis==0.1.3"
modules="$modules pnio-dcp==1.2.0 oracledb==26.1.0"
if [ "$(cat "$work/venv/complete" 2>/dev/null)" != "$modules" ]; then
    rm -rf "$work/venv"
    /usr/bin/python3 -m venv "$work/venv"
    # shellcheck disable=SC2086
    "$work/venv/bin/pip" -q --disable-pip-version-check install $modules
    echo "$modules" >"$work/venv/complete"
fi

# A private pid namespace: when its first process ends, all of them end.
# Private mounts hide /run and the resolver; a private network has no way out.
inside() {
    unshare --mount --pid --fork --mount-proc --net --uts --kill-child \
        env LAB_WORK="$work" LAB_OUT="$out" LAB_PYTHON="$work/venv/bin/python" \
        sh -c 'mount --make-rprivate / && mount -t tmpfs tmpfs /run && mkdir -p /run/netns /run/lock \
            && printf "nameserver 10.20.10.5\nsearch hoshikawa.example\noptions timeout:1 attempts:1\n" >"$LAB_WORK/resolv.conf" \
            && printf "127.0.0.1 localhost\n" >"$LAB_WORK/hosts" \
            && printf "hosts: files dns\npasswd: files\ngroup: files\nshadow: files\n" >"$LAB_WORK/nsswitch.conf" \
            && resolver=$(readlink -m /etc/resolv.conf) && mkdir -p "${resolver%/*}" \
            && { [ -e "$resolver" ] || : >"$resolver"; } \
            && mount --bind "$LAB_WORK/resolv.conf" "$resolver" \
            && mount --bind "$LAB_WORK/hosts" /etc/hosts \
            && mount --bind "$LAB_WORK/nsswitch.conf" /etc/nsswitch.conf \
            && ip link set lo up && exec "$LAB_PYTHON" "$@"' sh "$@"
}

python="$work/venv/bin/python"
case $what in hospital | all) inside "$here/hospital.py" ;; esac
case $what in
    topics | all) inside "$here/topics.py" ;;
    *.pcap) inside "$here/$recorder.py" "$what" ;;
esac
case $what in rooms | all) inside "$here/rooms.py" ;; esac
case $what in starts | all) inside "$here/starts.py" ;; esac
if [ "$what" = craft ] || [ "$what" = all ]; then
    for name in hospital.pcapng dicom.pcap hl7.pcap names.pcap web.pcap ssh-snmp.pcap; do
        [ -e "$out/$name" ] || fail "craft changes $out/$name, which is not there: build it first"
    done
    "$python" "$here/craft.py" "$out"
fi
"$python" "$here/canaries.py" "$out/canaries.txt"
"$python" "$here/truth.py" "$out"
# One capture, or one group in another folder, is not all that is checked.
case $what in
    *.pcap) echo "$out/$what" ;;
    *) "$python" "$here/check.py" "$out" ;;
esac
