"""Decodes one candump log with cantools, asammdf and our bench, and prints frames per second.

All three get the frames in memory and give every physical value. Ours is `cargo bench`, which takes
the same log: the Toyota recording in ../shared/data, or a drive of our simulator when it is absent.
"""

import gzip
import json
import pathlib
import re
import subprocess
import tempfile
import time

import asammdf
from asammdf.blocks import v4_constants
from asammdf.blocks.source_utils import Source
from asammdf.blocks.utils import load_can_database
import cantools
import numpy

AGENT = pathlib.Path(__file__).resolve().parents[2]
DATA = AGENT / "../../shared/data"
LINE = re.compile(r"\((\d+\.\d+)\) can0 ([0-9A-F]+)#([0-9A-F]*)$")


def drive():
    """The text of the log and its DBC file: those that the bench takes."""
    log = DATA / "logs/toyota_rav4_2017_comma2k19.log.gz"
    if log.exists():
        dbc = DATA / "dbc/opendbc/toyota_new_mc_pt_generated.dbc"
        return gzip.open(log, "rt").read(), dbc
    folder = pathlib.Path(tempfile.mkdtemp())
    log, dbc = folder / "drive.log", folder / "car.dbc"
    command = "cargo run -q --release -p edge-agent -- simulate --seconds 300 --seed 1".split()
    subprocess.run([*command, "--out", log, "--dbc-out", dbc], cwd=AGENT, check=True)
    return log.read_text(), dbc


def frames(text):
    """Time, identifier and data of each frame on the first bus."""
    found = filter(None, map(LINE.match, text.splitlines()))
    return [(float(t), int(i, 16), bytes.fromhex(d)) for t, i, d in (m.groups() for m in found)]


def with_cantools(log, dbc):
    database = cantools.database.load_file(dbc, strict=False)
    known = {message.frame_id: message for message in database.messages}
    start, values = time.perf_counter(), 0
    for _, identifier, data in log:
        if message := known.get(identifier):
            values += len(message.decode(data, decode_choices=False, allow_truncated=True))
    return time.perf_counter() - start, values


def with_asammdf(log, dbc):
    length = len(log)
    padded = [list(data.ljust(8, b"\0")) for _, _, data in log]
    columns = {
        "CAN_DataFrame.BusChannel": numpy.ones(length, dtype="u1"),
        "CAN_DataFrame.ID": numpy.array([identifier for _, identifier, _ in log], dtype="<u4"),
        "CAN_DataFrame.IDE": numpy.zeros(length, dtype="u1"),
        "CAN_DataFrame.DLC": numpy.array([len(data) for _, _, data in log], dtype="u1"),
        "CAN_DataFrame.DataLength": numpy.array([len(data) for _, _, data in log], dtype="u1"),
        "CAN_DataFrame.DataBytes": numpy.array(padded, dtype="u1"),
    }
    form = [(name, column.dtype.str, column.shape[1:]) for name, column in columns.items()]
    records = numpy.zeros(length, dtype=form)
    for name, column in columns.items():
        records[name] = column
    bus = Source("CAN 1", "CAN 1", "", v4_constants.SOURCE_BUS, v4_constants.BUS_TYPE_CAN)
    signal = asammdf.Signal(
        records, timestamps=[t for t, _, _ in log], name="CAN_DataFrame", source=bus
    )
    mdf = asammdf.MDF(version="4.10")
    mdf.append([signal], common_timebase=True)
    mdf.groups[0].channel_group.flags |= v4_constants.FLAG_CG_BUS_EVENT
    folder = pathlib.Path(tempfile.mkdtemp())
    mdf = asammdf.MDF(mdf.save(folder / "log.mf4"))
    database = load_can_database(dbc)
    start = time.perf_counter()
    decoded = mdf.extract_bus_logging({"CAN": [(database, 0)]})
    values = sum(len(channel) for channel in decoded.iter_channels(skip_master=True))
    return time.perf_counter() - start, values


def with_ours():
    """Seconds for the whole log, and its frames: the mean of what criterion measured."""
    command = "cargo bench -q -p edge-agent --bench decoding -- frames.to.physical".split()
    subprocess.run(command, cwd=AGENT, check=True, stdout=subprocess.DEVNULL)
    metadata = subprocess.check_output("cargo metadata --format-version 1 --no-deps".split(), cwd=AGENT)
    target = pathlib.Path(json.loads(metadata)["target_directory"])
    result = target / "criterion/decode/frames to physical values/new"
    nanoseconds = json.loads((result / "estimates.json").read_text())["mean"]["point_estimate"]
    elements = json.loads((result / "benchmark.json").read_text())["throughput"]["Elements"]
    return nanoseconds / 1e9, elements


def main():
    text, dbc = drive()
    log = frames(text)
    seconds, count = with_ours()
    ours = count / seconds
    assert count == len(log), f"the bench decodes {count} frames, this script {len(log)}"
    print(f"{'edge-agent':<12}{ours:>14,.0f} frames/s")
    for name, decode in (("cantools", with_cantools), ("asammdf", with_asammdf)):
        seconds, values = decode(log, dbc)
        rate = len(log) / seconds
        print(f"{name:<12}{rate:>14,.0f} frames/s   we are {ours / rate:,.0f} times as fast   {values:,} values")


if __name__ == "__main__":
    main()
