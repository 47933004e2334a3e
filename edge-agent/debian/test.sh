#!/usr/bin/env bash
# Shows that the Debian package installs, runs as its unit says, and goes away, on a fresh Debian.
#
# Builds the package, makes a Debian 12 in a folder, and there: installs the package, drives a simulated
# car's log through the installed program as the unit's user, checks the unit with systemd's own tools,
# and removes and purges the package. At the end `boot.sh` has a systemd that runs do the same. Run as root:
#
#   edge-agent/debian/test.sh [FOLDER]     default: a folder below $TMPDIR that is removed afterwards
#
# AXLE_DEB names a package built before; without, `cargo deb` builds one.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=${1:-$(mktemp -d)}
root=$folder/debian
tools="${AXLE_TOOLS:-$HOME/.cache/axle-tools}"
export DEBIAN_FRONTEND=noninteractive PATH="$tools/bin:$PATH"

if [ -z "${AXLE_DEB:-}" ]; then
  command -v cargo-deb >/dev/null \
    || CARGO_TARGET_DIR="$tools/target" cargo install -q cargo-deb --version 3.8.0 --locked --root "$tools"
  AXLE_DEB=$(cargo deb -q -p edge-agent --locked --output "$folder/axle-agent.deb")
fi
dpkg-deb --info "$AXLE_DEB"
dpkg-deb --contents "$AXLE_DEB"

command -v debootstrap >/dev/null || { apt-get update -qq && apt-get install -qq -y debootstrap; }
mkdir -p "$root"
[ -e "$root/usr/bin/systemd-analyze" ] \
  || debootstrap --variant=minbase --include=systemd,systemd-sysv,iproute2,ca-certificates \
  bookworm "$root" >/dev/null
# As long as the Debian is fresh.
[ -e "$folder/debian.tar" ] || tar -c -f "$folder/debian.tar" -C "$root" --exclude-from=- . <<'LARGE'
./dev/*
./var/cache/apt/*
./var/lib/apt/lists/*
./usr/share/doc/*
./usr/share/locale/*
LARGE

mount --bind /proc "$root/proc"
leave() {
  umount "$root/proc"
  [ -n "${1:-}" ] || rm -rf --one-file-system "$folder"
}
trap 'leave "${1:-}"' EXIT
cp "$AXLE_DEB" "$root/tmp/axle-agent.deb"
inside() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 bash -euc "$1"; }
as_agent() { inside "setpriv --reuid axle-agent --regid axle-agent --clear-groups --no-new-privs \
  --bounding-set -all --inh-caps -all bash -euc '$1'"; }
check() { printf '%-60s' "$1"; if "${@:2}" >"$folder/said" 2>&1; then echo ok; else echo FAILED; cat "$folder/said"; exit 1; fi; }

inside "dpkg --purge axle-agent" >/dev/null 2>&1 || true
check "installs" inside "dpkg -i /tmp/axle-agent.deb"
check "its user is no login" inside "getent passwd axle-agent | grep -q nologin"
check "its folder is its own" inside "systemd-tmpfiles --create axle-agent.conf; stat -c %U:%a /var/lib/axle-agent | grep -qx axle-agent:700"
check "the settings are a conffile" inside "dpkg-query -W -f '\${Conffiles}' axle-agent | grep -q /etc/axle/agent.toml"
check "systemd takes the unit" inside "systemd-analyze verify /lib/systemd/system/axle-agent.service"
check "the unit is enabled" inside "test -L /etc/systemd/system/multi-user.target.wants/axle-agent.service"
inside "systemd-analyze security --offline=true /lib/systemd/system/axle-agent.service" | tail -n 1 || true
check "the program starts" as_agent "edge-agent --version"
check "it simulates a drive" as_agent "cd /var/lib/axle-agent && edge-agent simulate --seconds 5"
check "it decodes the drive" as_agent "cd /var/lib/axle-agent && edge-agent decode drive.log \
  --dbc /etc/axle/vehicles/axle_ev.dbc --map /etc/axle/vehicles/axle_ev.map.toml | grep -q Vehicle.Speed"
check "the owner pauses it" as_agent "edge-agent pause --data-dir /var/lib/axle-agent && test -e /var/lib/axle-agent/paused"
check "before enrolment it says what to do" as_agent "! edge-agent run --config /etc/axle/agent.toml 2>/tmp/said; grep -qi enrol /tmp/said"
inside "echo '# mine' >> /etc/axle/agent.toml"
check "removes" inside "dpkg --remove axle-agent && ! command -v edge-agent"
check "keeps the owner's settings" inside "grep -q '# mine' /etc/axle/agent.toml"
check "purges them when told to" inside "dpkg --purge axle-agent && ! test -e /etc/axle/agent.toml"
check "never deletes a car's key" inside "test -d /var/lib/axle-agent"

edge-agent/debian/boot.sh "$folder/debian.tar" "$AXLE_DEB"
