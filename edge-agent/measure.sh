#!/bin/sh
# What the agent costs: CPU, memory and size of the release binary while it replays a full bus (4,000 frames
# a second) of a real recording, and the bytes that a sample costs on the wire. Needs ../shared/data.
set -eu
cd "$(dirname "$0")/.."

cargo build --release --locked -p edge-agent
target=${CARGO_TARGET_DIR:-target}
AXLE_MEASURED_BINARY=$(realpath "$target/release/edge-agent")
export AXLE_MEASURED_BINARY

cargo test --locked -p edge-agent --test it -- --ignored --nocapture \
    measure::a_full_bus_costs_two_percent_of_a_core \
    wire::a_sample_of_the_rav4_costs_two_bytes_at_most
