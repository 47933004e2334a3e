# Hands the machine that `run` boots over to a Debian; busybox runs this as process 1. The Debian lives in memory, its
# systemd boots as on a disk, and a unit runs the script when everything else has started.
set -eu
trap 'poweroff -f' EXIT
ip link set eth0 up
ip addr add 10.0.2.15/24 dev eth0
ip route add default via 10.0.2.2
mkdir /debian
mount -t tmpfs -o size=80%,mode=755 debian /debian
cd /debian
tar -x -f /s/debian.tar
mv /w w
mkdir out
mount --move /out out
# The status comes last: without it the machine did not end well.
cat > etc/systemd/system/script.service << UNIT
[Unit]
After=multi-user.target
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
Type=oneshot
WorkingDirectory=/w
ExecStart=/bin/bash $script
ExecStopPost=/bin/sh -c 'echo \$EXIT_STATUS > /out/status; sync'
StandardOutput=file:/out/stdout
StandardError=file:/out/stderr
UNIT
mkdir -p etc/systemd/system/graphical.target.wants
ln -s ../script.service etc/systemd/system/graphical.target.wants
# Nobody logs in, and no udev would announce the terminal.
ln -s /dev/null etc/systemd/system/getty.target
trap - EXIT
exec switch_root . /sbin/init
