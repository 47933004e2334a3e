# What the package does on a Debian whose systemd runs; `boot.sh` boots it in a virtual machine. Computing is some twenty
# times slower there, so patience is long. Each check prints what it shows; the first that fails ends the script.
set -euo pipefail
. ./market.sh # url and code
home=/var/lib/axle-agent settings=/etc/axle/agent.toml
trap '[ $? = 0 ] || { systemctl status axle-agent; journalctl --no-pager -o short-monotonic -u axle-agent -u bus | tail -n 60
  head -n 60 $home/status.json; } 2>&1' EXIT

check() { if "${@:2}"; then printf '%4s s  %s\n' $SECONDS "$1"; else echo "FAILED: $1: ${*:2}"; exit 1; fi; }
not() { ! "$@"; }
property() { systemctl show -P "$1" axle-agent; }
is() { [ "$(property "$1")" = "$2" ] || { echo "$1 is $(property "$1")"; return 1; }; }
process() { sed -n "s/^$1:\s*//p" "/proc/$(property MainPID)/status"; }
has() { [ "$(process "$1")" = "$2" ] || { echo "$1 is $(process "$1")"; return 1; }; }
agent() { runuser -u axle-agent -- edge-agent "$@"; }
status() { agent status --json --data-dir $home | sed -n "s/^ *\"$1\": \([^,]*\),*$/\1/p"; }
other() { [ "$(property MainPID)" != "$1" ]; }
above() { [ "$(status "$1")" -gt "$2" ]; }
within() { # SECONDS COMMAND...
  local end=$((SECONDS + $1))
  until "${@:2}" >/dev/null 2>&1; do [ $SECONDS -lt $end ] || { "${@:2}"; return 1; }; sleep 0.5; done
}
# A process with the agent's view of files, but with all of root's rights: what stops it is the sandbox alone.
inside() { nsenter --target "$(property MainPID)" --mount -- "$@"; }
drive() { systemd-run --quiet --unit bus --collect edge-agent simulate --interface vcan0 --seconds "$1"; }
silent() { not systemctl --quiet is-active bus; }

dpkg -i axle-agent.deb >/dev/null
check "installs, and is no failure before it is enrolled" is Result success
check "waits for its enrolment" is ActiveState inactive
check "starts with the computer" systemctl --quiet is-enabled axle-agent

agent enroll --url "$url" --code "$code" --make Axle --model EV --year 2026 --powertrain electric --data-dir $home
check "keeps its key for itself" test "$(stat -c %U:%a $home/identity.json)" = axle-agent:600
sed -i -e "s|^marketplace_url = .*|marketplace_url = \"$url\"|" -e 's|^dbc = .*|dbc = "vehicles/axle_ev.dbc"|' \
  -e 's|^map = .*|map = "vehicles/axle_ev.map.toml"|' -e 's|^interface = .*|interface = "vcan0"|' \
  -e 's|^quiet_after_seconds = .*|quiet_after_seconds = 5|' $settings
drive 1800
check "starts" systemctl start axle-agent
check "is active" is ActiveState active

check "runs as a user of its own" test "$(stat -c %U "/proc/$(property MainPID)")" = axle-agent
check "has no capability" has CapEff 0000000000000000
check "could have CAP_NET_RAW and no other" has CapBnd 0000000000002000
check "can not gain any" has NoNewPrivs 1
check "is held to its system calls" has Seccomp 2
for folder in /etc/axle /usr/bin /var/lib /srv; do
  check "can not write to $folder" not inside touch $folder/written 2>/dev/null
done
check "can write to its own folder" inside touch $home/written
touch /root/secret /tmp/secret
check "sees no home" not inside test -e /root/secret
check "sees nobody's /tmp" not inside test -e /tmp/secret
check "sees no device" not inside test -e /dev/ttyS0

check "delivers what it reads" within 60 above samples_acknowledged 0
check "shows the receipt" not test "$(status last_receipt)" = null
paused() { [ "$(status paused_since)" != null ]; }
systemctl kill -s USR1 axle-agent
check "is paused by its owner" within 10 paused
systemctl kill -s USR1 axle-agent
check "resumes" within 10 not paused

# The watchdog as packaged is armed and fed; a shorter one does not make us wait for its bite.
check "is watched" is WatchdogUSec 1min
fed=$(property WatchdogTimestampMonotonic)
later() { [ "$(property WatchdogTimestampMonotonic)" -gt "$fed" ]; }
check "feeds its watchdog" within 10 later
mkdir -p /run/systemd/system/axle-agent.service.d
printf '[Service]\nWatchdogSec=10\nTimeoutAbortSec=5\n' >/run/systemd/system/axle-agent.service.d/watchdog.conf
systemctl daemon-reload
check "restarts" systemctl restart axle-agent
first=$(property MainPID)
systemctl stop bus
sleep 20
connected() { [ "$(status connected)" = true ]; }
check "sleeps on a silent bus" not connected
check "feeds its watchdog in its sleep" is MainPID "$first"
drive 1800
check "wakes up" within 30 connected
kill -STOP "$first"
restarted() { is NRestarts 1 && is ActiveState active; }
check "hangs and is started anew" within 60 restarted
check "is another process" other "$first"
before=$(status samples_acknowledged)
check "delivers again" within 60 above samples_acknowledged "$before"

second=$(property MainPID)
dpkg -i axle-agent.deb >/dev/null
check "is active after an upgrade" is ActiveState active
check "runs the new program" other "$second"
check "keeps the owner's settings" grep -q "$url" $settings

# Stopped where there is no network, it keeps what it read for the next start.
before=$(status samples_acknowledged)
check "reads on" within 60 above samples_acknowledged "$before"
ip link set eth0 down
check "reads on without a network" within 60 above batches_pending 0
began=$SECONDS
systemctl stop axle-agent
check "stops in time" test $((SECONDS - began)) -lt 20
check "stops well" is Result success
check "stops by itself" is ExecMainStatus 0
systemctl stop bus
shared=$(status samples_shared)
check "counts each sample" test "$(status samples_decoded)" = $((shared + $(status samples_kept)))
check "keeps what it could not send" above batches_pending 0
ip link set eth0 up
ip route replace default via 10.0.2.2
check "starts again" systemctl start axle-agent
everything() { [ "$(status batches_pending)" = 0 ] && [ "$(status samples_acknowledged)" = "$shared" ]; }
check "delivers the rest" within 30 everything
echo "acknowledged: $shared"

last=$(property MainPID)
dpkg --remove axle-agent >/dev/null
check "stops when it is removed" test ! -e "/proc/$last"
check "takes the program along" not command -v edge-agent
check "takes the unit along" test ! -e /lib/systemd/system/axle-agent.service
check "leaves the car's key" test -e $home/identity.json
check "leaves no failure" not systemctl --quiet is-failed axle-agent
