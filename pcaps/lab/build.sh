#!/bin/sh
# Builds the captures of pcaps/lab anew. Needs Debian 12, root, a network for apt and pip.
# Usage: build.sh [hospital|topics|craft|all]      WORK=dir keeps logs and the venv there
set -eu
export PYTHONDONTWRITEBYTECODE=1
here=$(cd "$(dirname "$0")" && pwd)
what=${1:-all}
[ "$(id -u)" = 0 ] || { echo "build.sh: run as root" >&2; exit 1; }
work=${WORK:-$(mktemp -d)}
mkdir -p "$work"

packages="openvswitch-switch tshark dcmtk orthanc samba smbclient dnsmasq-base
 isc-dhcp-relay isc-dhcp-client udhcpc avahi-daemon nginx-light curl openssh-server
 openssh-client snmpd snmp vsftpd iproute2 iputils-ping iputils-arping ethtool
 bind9-dnsutils ndisc6 python3-venv xrdp freerdp2-x11 xvfb xauth nftables zstd openssl procps"
missing=
for p in $packages; do
    dpkg -s "$p" >/dev/null 2>&1 || missing="$missing $p"
done
if [ -n "$missing" ]; then
    # Packages must not start their daemons on this machine.
    made=
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
        chmod 755 /usr/sbin/policy-rc.d
        made=1
    fi
    apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
    [ -z "$made" ] || rm /usr/sbin/policy-rc.d
fi
if [ ! -x "$work/venv/bin/python" ]; then
    /usr/bin/python3 -m venv "$work/venv"
    "$work/venv/bin/pip" -q install pydicom==3.0.2 pynetdicom==3.0.4 scapy==2.8.0 impacket==0.13.1
fi

# A private pid namespace: when its first process ends, all of them end.
# Private mounts hide /run and the resolver; a private network has no way out.
inside() {
    unshare --mount --pid --fork --mount-proc --net --uts --kill-child \
        env LAB_WORK="$work" LAB_OUT="$here" LAB_PYTHON="$work/venv/bin/python" \
        sh -c 'mount --make-rprivate / && mount -t tmpfs tmpfs /run && mkdir -p /run/netns /run/lock \
            && printf "nameserver 10.20.10.5\nsearch hoshikawa.example\noptions timeout:1 attempts:1\n" >"$LAB_WORK/resolv.conf" \
            && printf "127.0.0.1 localhost\n" >"$LAB_WORK/hosts" \
            && printf "hosts: files dns\npasswd: files\ngroup: files\nshadow: files\n" >"$LAB_WORK/nsswitch.conf" \
            && mount --bind "$LAB_WORK/resolv.conf" "$(readlink -f /etc/resolv.conf)" \
            && mount --bind "$LAB_WORK/hosts" /etc/hosts \
            && mount --bind "$LAB_WORK/nsswitch.conf" /etc/nsswitch.conf \
            && ip link set lo up && exec "$LAB_PYTHON" "$@"' sh "$@"
}

case $what in hospital | all) inside "$here/hospital.py" ;; esac
case $what in topics | all) inside "$here/topics.py" ;; esac
case $what in craft | all) "$work/venv/bin/python" "$here/craft.py" "$here" ;; esac
"$work/venv/bin/python" "$here/canaries.py" "$here/canaries.txt"
"$work/venv/bin/python" "$here/truth.py" "$here"
"$work/venv/bin/python" "$here/check.py" "$here"
