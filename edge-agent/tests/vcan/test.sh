# What the agent does on a real SocketCAN; runs in the machine that `run` boots. Each check says what it found; the first
# that fails ends the script. Computing is some twenty times slower here than outside, so patience is long.
set -u
export TZ=UTC
fail() { echo "FAILED: $*"; cat /tmp/*.err 2> /dev/null | tail -n 20; exit 1; }
tx() { cat /sys/class/net/$1/statistics/tx_packets; }
# What a log has on an interface: identifier#data, without times and without what marks CAN FD.
frames() { awk -v i="$2" '$2 == i { sub(/##./, "#", $3); print toupper($3) }' "$1"; }
field() { sed 's/\x1b\[[0-9;]*m//g' "$2" | sed -n "s/.*[ {]$1[=:] *\([0-9]*\).*/\1/p" | tail -n 1; }

listen() { # NAME INTERFACE...: records until `hear` is called
  name=$1; shift
  ./edge-agent record "$@" > /tmp/$name.log 2> /tmp/$name.err & recorder=$!
  n=0
  until grep -q "^ *$1 " /proc/net/can/rcvlist_all; do
    n=$((n + 1)); [ $n -lt 300 ] || fail "$name: nobody listens on $1"; sleep 0.1
  done
  sleep 0.3
}
hear() { sleep "${1:-1}"; kill $recorder; wait $recorder || fail "$name: the recorder failed"; }
expect() { # FIELD VALUE
  [ "$(field "$1" /tmp/$name.err)" = "$2" ] || fail "$name: $1 is $(field "$1" /tmp/$name.err), expected $2"
}

# Recordings of two buses, and of CAN FD, at their own pace. Whatever is sent is counted by the interface.
for log in classic fd; do
  before0=$(tx vcan0) before1=$(tx vcan1)
  listen $log vcan0 vcan1
  canplayer -I $log.log vcan0=can0 vcan1=can1 || fail "$log: canplayer"
  hear
  for i in 0 1; do
    frames $log.log can$i > /tmp/sent; frames /tmp/$log.log vcan$i > /tmp/heard
    cmp /tmp/sent /tmp/heard || fail "$log: what was heard on vcan$i differs from what was sent"
  done
  sent=$(wc -l < $log.log) passed=$(($(tx vcan0) - before0 + $(tx vcan1) - before1))
  expect frames "$sent"; expect lost 0
  [ "$passed" = "$sent" ] || fail "$log: $passed frames passed, $sent were played: somebody else transmitted"
  echo "$log: $sent frames, 0 lost, 0 transmitted"
done

# The kernel drops what nobody reads: every frame is either heard or counted as lost.
before=$(tx vcan0)
listen burst vcan0
kill -STOP $recorder
cangen -g 0 -I i -L 8 -D i -n 45000 vcan0 || fail "burst: cangen"
kill -CONT $recorder
sleep 4; cansend vcan0 123#01
hear
heard=$(field frames /tmp/burst.err) lost=$(field lost /tmp/burst.err) passed=$(($(tx vcan0) - before))
[ "$lost" -gt 0 ] || fail "burst: nothing was lost of $passed frames"
[ $((heard + lost)) = $passed ] || fail "burst: $heard heard and $lost lost of $passed"
echo "burst: $passed frames, $heard heard, $lost counted as lost"

# Error frames are counted by class, and are no data.
listen errors vcan0
printf '(%s) vcan0 %s\n' 0.000000 20000080#0000000000000000 0.100000 20000048#0000000000000000 0.200000 123#01 > /tmp/errors
canplayer -I /tmp/errors
hear
expect frames 1; expect error_frames 2; expect bus_error 1; expect bus_off 1; expect protocol 1
echo "errors: 2 error frames by class"

# An interface that goes down, and one that goes away, are waited for.
listen link vcan0 vcan1
ip link set vcan0 down; sleep 1; ip link set vcan0 up; sleep 1
cansend vcan0 123#01
ip link del vcan1; sleep 1; ip link add vcan1 type vcan; ip link set vcan1 mtu 72 up; sleep 4
cansend vcan1 124#02
hear
[ "$(frames /tmp/link.log vcan0)" = "123#01" ] || fail "link: nothing heard after vcan0 was down"
[ "$(frames /tmp/link.log vcan1)" = "124#02" ] || fail "link: nothing heard after vcan1 was away"
echo "link: went on after $(field interruptions /tmp/link.err) interruptions"

# On a silent bus nothing wakes up, be an interface away or down.
wakes() { # PID: how often its threads began to run since it was started
  wakes=$(cat /proc/$1/task/*/status | awk '/^(non)?voluntary_ctxt/ { n += $2 } END { print n + 0 }')
  [ "$wakes" -gt 0 ] || fail "process $1 never ran"; echo "$wakes"
}
listen still vcan0 vcan1
ip link set vcan0 down; ip link del vcan1; sleep 3
before=$(wakes $recorder); sleep 8; woken=$(($(wakes $recorder) - before))
ip link add vcan1 type vcan; ip link set vcan1 mtu 72 up; ip link set vcan0 up; sleep 1
cansend vcan0 123#01; cansend vcan1 123##101
hear
[ $woken -le 1 ] || fail "still: woke up $woken times in 8 silent seconds"
[ "$(sed 's/.*) //' /tmp/still.log | sort | tr '\n' ' ')" = "vcan0 123#01 vcan1 123##101 " ] || fail "still: $(cat /tmp/still.log)"
echo "still: $woken wake-ups in 8 silent seconds with one interface down and one away"

# A simulated drive, on a virtual interface only, and at its pace.
listen drive vcan0
began=$(date +%s)
./edge-agent simulate --interface vcan0 --seconds 20 --speed 4 > /tmp/simulate.out 2>&1 || fail "simulate: $(cat /tmp/simulate.out)"
took=$(($(date +%s) - began))
hear
./edge-agent simulate --seconds 20 --out /tmp/simulated.log || fail "simulate: no log"
frames /tmp/simulated.log can0 > /tmp/sent; frames /tmp/drive.log vcan0 > /tmp/heard
cmp /tmp/sent /tmp/heard || fail "simulate: what was heard is not the drive"
[ $took -ge 4 ] && [ $took -le 15 ] || fail "simulate: 20 seconds at 4 times their pace took $took"
ip link set vcan1 down
refused() { # INTERFACE WORDS
  ./edge-agent simulate --interface $1 > /tmp/simulate.out 2>&1 && fail "simulate: sent on $1"
  grep -q "$2" /tmp/simulate.out || fail "simulate: $1: $(cat /tmp/simulate.out)"
}
refused vcan1 'is down'; refused vcan9 'no interface'; refused lo 'virtual interfaces only'
ip link set vcan1 up
echo "simulate: $(wc -l < /tmp/sent) frames in $took s; refused where down, missing or not virtual"

# A whole agent, without a marketplace, that asks the car: what it causes itself does not keep it awake.
printf '\ninterface = "vcan0"\nquiet_after_seconds = 4\n[obd]\nenabled = true\nlook_seconds = 5\n' >> car/agent.toml
status() { sed -n "s/.*\"$1\": *\([^,]*\),*/\1/p" car/status.json; }
until_status() { # FIELD PATTERN SECONDS
  n=0
  until status $1 | grep -q "$2"; do
    n=$((n + 1)); [ $n -lt $(($3 * 10)) ] || fail "agent: $1 is $(status $1) after $3 s: $(tail -n 5 /tmp/agent.err)"; sleep 0.1
  done
}
candump -L vcan0 > /tmp/agent.log 2> /dev/null & listener=$!
asked() { grep -c ' 7DF#' /tmp/agent.log; }
(while sleep 0.2; do cansend vcan0 0B4#000A10; done) & car=$!
AXLE_AGENT_LOG_FORMAT=text ./edge-agent run --config car/agent.toml > /tmp/agent.err 2>&1 & agent=$!
until_status frames_read '[1-9]' 30
sleep 6
[ "$(asked)" -ge 2 ] || fail "agent: a car that speaks is not asked: $(asked)"
kill $car; sleep 20
before=$(asked) woken=$(wakes $agent) written=$(status updated_at)
sleep 8
[ "$(asked)" = "$before" ] || fail "agent: a silent car was asked: $(tail -n 5 /tmp/agent.log)"
[ "$(status updated_at)" = "$written" ] || fail "agent: the status is still written"
woken=$(($(wakes $agent) - woken))
[ $woken -le 8 ] || fail "agent: woke up $woken times in 8 s of sleep"
kill -USR1 $agent; until_status paused_since '^"' 2
kill -USR1 $agent; until_status paused_since 'null' 2
[ "$(asked)" = "$before" ] || fail "agent: the pause made it ask"
read=$(status frames_read)
cansend vcan0 0B4#000A10
n=0
until [ "$(status frames_read)" -gt "$read" ]; do
  n=$((n + 1)); [ $n -lt 20 ] || fail "agent: not awake after 2 s: $(tail -n 5 /tmp/agent.err)"; sleep 0.1
done
kill $agent; wait $agent; kill $listener
echo "agent: asleep beside a car that it asks ($woken wake-ups in 8 s), paused at once, awake within 2 s"

# The same behind a gateway: no traffic, only answers. In use it is asked; parked it is looked at, also asleep.
printf 'answer_ms_max = 2000\n' >> car/agent.toml
candump -L vcan0 > /tmp/agent.log 2> /dev/null & listener=$!
echo 1AF8 > /tmp/speed
candump -L vcan0,7DF:7FF 2> /dev/null | while read -r _ _ frame; do
  case $frame in
    7DF#020100*) cansend vcan0 7E8#0641000010000000 ;;
    7DF#02010C*) cansend vcan0 "7E8#04410C$(cat /tmp/speed)000000" ;;
  esac
done & car=$!
rm car/status.json
./edge-agent run --config car/agent.toml > /tmp/agent.err 2>&1 & agent=$!
until_status samples_decoded '[1-9]' 60
sleep 10; before=$(asked); sleep 10; used=$(($(asked) - before))
echo 0000 > /tmp/speed; sleep 10
written=$(status updated_at) before=$(asked); sleep 15; looks=$(($(asked) - before))
[ "$(status updated_at)" = "$written" ] || fail "gateway: awake beside a parked car"
[ $looks -ge 1 ] && [ $looks -le 4 ] || fail "gateway: $looks looks at a parked car in 15 s: $(tail -n 9 /tmp/agent.log)"
[ $used -gt $looks ] || fail "gateway: $used requests in use in 10 s, $looks parked in 15 s"
echo 1AF8 > /tmp/speed
n=0
until [ "$(status updated_at)" != "$written" ]; do
  n=$((n + 1)); [ $n -lt 100 ] || fail "gateway: not awake 10 s after the engine: $(tail -n 5 /tmp/agent.log)"; sleep 0.1
done
kill $agent; wait $agent; kill $car $listener; killall candump 2> /dev/null
echo "gateway: $used requests in 10 s of use, $looks looks in 15 s of sleep, awake again by an engine that turns"

# A car that answers through the kernel's ISO-TP: a VIN of three frames, a value at the end of 4,095 bytes, fault codes.
cat > /tmp/car.toml << 'TOML'
[[did]]
request = 0x7E4
response = 0x7EC
did = 0x0101
interval_seconds = 5
[[did.signal]]
path = "Vehicle.Powertrain.TractionBattery.StateOfCharge.Current"
byte = 4091
bytes = 1
scale = 0.5
unit = "percent"
TOML
long=$(awk 'BEGIN { for (i = 0; i < 4091; i++) printf "%02x ", i % 251; print "54" }')
say() { echo "$3" | isotpsend -b -s $1 -d $2 vcan0; }
engine() { say 7E8 7E0 "$1"; }
candump -L vcan0 > /tmp/talk.log 2> /dev/null & listener=$!
candump -L vcan0,7DF:7FF,7E4:7FF 2> /dev/null | while read -r _ _ frame; do
  case $frame in
    7DF#020100*) engine '41 00 80 18 00 01' ;;
    7DF#020120*) engine '41 20 00 00 00 00' ;;
    7DF#020101*) engine '41 01 81 00 00 00' ;;
    7DF#02010C*) engine '41 0C 1A F8' ;;
    7DF#02010D*) engine '7F 01 78'; engine '41 0D 37' ;;
    7DF#020900*) engine '49 00 40 00 00 00' ;;
    7DF#020902*) engine '49 02 01 54 4D 42 4A 50 37 4E 58 35 4E 59 30 30 30 30 30 30' ;;
    7DF#0103*) engine '43 01 03 01' ;;
    7DF#0107*) engine '47 00' ;;
    7DF#010A*) engine '7F 0A 11' ;;
    7E4#0322*) say 7EC 7E4 "62 01 01 $long" ;;
  esac
done & car=$!
sleep 1
./edge-agent ask vcan0 --seconds 20 --answer-ms 3000 --templates /tmp/car.toml > /tmp/ask.log 2> /tmp/ask.err || fail "ask: it failed"
kill $car $listener; killall candump 2> /dev/null
for value in 'OBD.EngineSpeed 1726' 'OBD.Speed 55' 'OBD.Status.IsMILOn 1' 'StateOfCharge.Current 42'; do
  grep -q "$value" /tmp/ask.log || { sort /tmp/talk.log | cut -c1-60 | head -n 60; fail "ask: no $value"; }
done
grep -q 'P0301' /tmp/ask.err || fail "ask: the fault code is missing"
grep -qE 'car[\\]*":[\\]*"[0-9a-f]{32}' /tmp/ask.err || fail "ask: the VIN is missing"
! grep -q 'TMBJP7NX5NY' /tmp/ask.log /tmp/ask.err || fail "ask: the VIN is told"
# All that was sent to the car, whoever sent it, is a read or flow control.
awk '$2 == "vcan0" && $3 ~ /^7(DF|E[0-7])#/ { print $3 }' /tmp/talk.log > /tmp/asked
! grep -vE '^7(DF|E[0-7])#(02(01|09)..0*|0302..000*|010[37A]0*|0322....0*|3000000*)$' /tmp/asked || fail "ask: that is no read"
echo "ask: $(wc -l < /tmp/asked) frames sent, all of them reads; a VIN, a fault and 4,095 bytes came back"
