#!/usr/bin/env bash
# Shows that a real systemd starts the Debian package, watches it, stops it and lets it go.
#
# Boots a fresh Debian in a virtual machine with a CAN bus, which needs neither KVM nor root, and runs
# `booted.sh` in it: installs the package there and enrols it with a marketplace that runs out here.
#
#   edge-agent/debian/boot.sh DEBIAN.tar AXLE-AGENT.deb      test.sh makes both and calls this
#
# AXLE_MARKETPLACE names the program of a marketplace; without, cargo builds one.
set -euo pipefail
debian=$(realpath "$1") package=$(realpath "$2")
cd "$(dirname "$0")/../.."
folder=$(mktemp -d)
market=''
trap '[ -z "$market" ] || { kill "$market"; wait "$market"; } || true; rm -rf "$folder"' EXIT
export DEBIAN_FRONTEND=noninteractive
command -v curl >/dev/null || { apt-get update -qq && apt-get install -qq -y curl >/dev/null; }
# The machine is made of packages that apt has to know.
ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1 || apt-get update -qq
if [ -z "${AXLE_MARKETPLACE:-}" ]; then
  cargo build -q -p marketplace --locked
  AXLE_MARKETPLACE=$(realpath "${CARGO_TARGET_DIR:-target}/debug/marketplace")
fi

# The machine reaches this computer's loopback under an address of its own, which the certificate must name.
printf '%s\n' "data_dir = '$folder/market'" 'rest_address = "127.0.0.1:0"' 'grpc_address = "127.0.0.1:0"' \
  'grpc_host_names = ["10.0.2.2"]' >"$folder/market.toml"
"$AXLE_MARKETPLACE" serve --config "$folder/market.toml" >"$folder/market.out" 2>"$folder/market.err" &
market=$!
until grep -q 'gRPC' "$folder/market.out"; do
  kill -0 "$market" 2>/dev/null || { market=''; cat "$folder/market.err"; exit 1; }
  sleep 0.1
done
rest=$(sed -n 's/^REST.*: //p' "$folder/market.out")
port=$(sed -n 's/^gRPC.*:\([0-9]*\)$/\1/p' "$folder/market.out")
key=$("$AXLE_MARKETPLACE" account create-owner --config "$folder/market.toml" Ada | sed -n 's/^key //p')
ask() { curl -sS --noproxy '*' --fail-with-body -H "Authorization: Bearer $key" -H 'Content-Type: application/json' "$@"; }
code=$(ask "$rest/v1/enrolment-codes" -d '{"consent": {"motion": "share"}}' | sed 's/.*"code":"\([^"]*\)".*/\1/')

cp "$package" "$folder/axle-agent.deb"
printf 'url=https://10.0.2.2:%s\ncode=%s\n' "$port" "$code" >"$folder/market.sh"
export VCAN_DEBIAN=$debian VCAN_SECONDS_MAX=600
edge-agent/tests/vcan/run edge-agent/debian/booted.sh "$folder"/{axle-agent.deb,market.sh} | tee "$folder/said"

# What the car counts as acknowledged is what its owner finds here.
acknowledged=$(sed -n 's/^acknowledged: //p' "$folder/said")
ask "$rest/v1/vehicles" >"$folder/vehicles"
grep -q "\"samples\":$acknowledged[,}]" "$folder/vehicles" \
  || { echo "the car says $acknowledged samples, the market $(cat "$folder/vehicles")"; exit 1; }
echo "the market has all $acknowledged samples that the car sent"
