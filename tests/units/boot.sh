#!/bin/bash
# boot.sh SCRATCH AUSCULT PROJECT: becomes systemd as the first process of a machine of
# its own, with this machine's files below it and the services installed as
# packaging/README.md says. Nothing is written outside SCRATCH, nor left when it dies.
# To be run in new mount, process, control group, host name and IPC namespaces.
set -euo pipefail
scratch=$1 auscult=$2 project=$3

mount --make-rprivate /
mount -t tmpfs tmpfs "$scratch"
mkdir "$scratch"/{upper,work,root}
mount -t overlay overlay -o "lowerdir=/,upperdir=$scratch/upper,workdir=$scratch/work" "$scratch/root"
cd "$scratch/root"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs tmpfs sys/fs/cgroup
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs tmpfs dev
for device in null zero full random urandom tty; do
    touch dev/$device
    mount --bind /dev/$device dev/$device
done
mkdir dev/{pts,shm,mqueue,hugepages}
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
mount -t tmpfs tmpfs dev/shm
mount -t mqueue mqueue dev/mqueue
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
touch dev/console

make -s -C "$project" install DESTDIR="$scratch/root" BIN="$auscult" > /dev/null
# Half a minute is long for a test.
install -D -m 644 /dev/stdin etc/systemd/system/auscult.service.d/test.conf <<<$'[Service]\nWatchdogSec=4'
install -D -m 644 /dev/stdin etc/default/auscult <<<'AUSCULT_LISTEN="-i mirror --capture af-packet --ring 4"'
install -D -m 644 /dev/stdin etc/auscult/auscult.toml <<'TOML'
[alerts]
learning_days = 0

[[alerts.to]]
name = "file"
kind = "jsonl"
file = "/var/lib/auscult-alerts/alerts.jsonl"
TOML
cat > etc/systemd/system/test.target <<'UNIT'
[Unit]
Requires=systemd-journald.service
Wants=auscult.service auscult-alerts.service
UNIT
chroot . systemd-sysusers auscult.conf
chroot . systemd-tmpfiles --create auscult.conf

pivot_root . mnt
umount -l /mnt
exec env -i container=auscult PATH=/usr/sbin:/usr/bin /lib/systemd/systemd --system --unit=test.target
