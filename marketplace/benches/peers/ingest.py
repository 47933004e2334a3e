"""Takes in the same samples with a marketplace, PostgreSQL and NATS JetStream, one after the other, and prints
samples acknowledged a second.

The marketplace gets signed, compressed batches over mutual TLS from `marketplace load`, checks them, acknowledges
after fsync and moves them to its lake meanwhile. PostgreSQL gets COPY of ready-made rows into a table with the index
that a query needs, from two connections, and commits after fsync. JetStream gets the bytes of ready-made batches and
looks at nothing; it acknowledges before they are on disk, since the server that Debian has (2.9) can not do otherwise.

    ingest.py [SECONDS]     default: 30 for each
"""

import asyncio
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

import nats
import psycopg

import servers

SECONDS = int(sys.argv[1]) if len(sys.argv) > 1 else 30
SAMPLES = 10_000
SIGNALS = 20
# A batch of so many samples is about so large; see the line `batches` of `marketplace load`.
BATCH_BYTES = 18_000


def marketplace():
    command = [*servers.MARKETPLACE, *"load --vehicles 20 --rate max --json --seconds".split(), str(SECONDS)]
    figures = json.loads(subprocess.check_output(command, cwd=servers.ROOT))
    return figures["samples_acknowledged"] / figures["seconds"]


def rows(vehicle, batch):
    """One batch as COPY takes it: vehicle, signal, time, value."""
    begun = 1_700_000_000_000_000 + batch * 50_000_000
    lines = (
        f"{vehicle}\t{signal}\t{begun + step * 100_000}\t{(step * step) % 97 / 10}\n"
        for signal in range(SIGNALS)
        for step in range(SAMPLES // SIGNALS)
    )
    return "".join(lines).encode()


def postgresql(folder):
    """COPY by two connections into an indexed table, each batch committed."""
    server, address, _ = servers.postgresql(folder, [])
    try:
        with psycopg.connect(address) as connection:
            connection.execute(
                "CREATE TABLE samples (vehicle text, signal smallint, time_us bigint, value double precision)"
            )
            connection.execute("CREATE INDEX ON samples (vehicle, signal, time_us)")
        # Made before the clock starts: building rows in Python is not what is measured.
        ready = [[rows(f"vehicle_{car:032x}", batch) for batch in range(40)] for car in range(2)]
        copied = [0, 0]

        def copy(car):
            with psycopg.connect(address) as connection:
                while time.monotonic() < end:
                    with connection.cursor().copy("COPY samples FROM STDIN") as copy:
                        copy.write(ready[car][copied[car] % len(ready[car])])
                    connection.commit()
                    copied[car] += 1

        begun = time.monotonic()
        end = begun + SECONDS
        threads = [threading.Thread(target=copy, args=(car,)) for car in range(2)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        return sum(copied) * SAMPLES / (time.monotonic() - begun)
    finally:
        server.terminate()
        server.wait()


def jetstream(folder):
    """Batches as messages, 64 ahead of their acknowledgements."""
    port = servers.free_port()
    (folder / "nats.conf").write_text(f'jetstream {{ store_dir: "{folder}" }}\n')
    server = subprocess.Popen(
        ["nats-server", "-a", "127.0.0.1", "-p", str(port), "-c", folder / "nats.conf"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )

    async def publish():
        client = await nats.connect(f"nats://127.0.0.1:{port}")
        stream = client.jetstream()
        await stream.add_stream(name="batches", subjects=["batches"], storage="file")
        ready = [os.urandom(BATCH_BYTES) for _ in range(64)]
        begun, acknowledged = time.monotonic(), 0

        async def one(number):
            nonlocal acknowledged
            while time.monotonic() < begun + SECONDS:
                await stream.publish("batches", ready[number])
                acknowledged += 1

        await asyncio.gather(*(one(number) for number in range(64)))
        return acknowledged * SAMPLES / (time.monotonic() - begun)

    try:
        servers.wait_for(lambda: socket.create_connection(("127.0.0.1", port)).close() or True)
        return asyncio.run(publish())
    finally:
        server.terminate()
        server.wait()


def main():
    shutil.which("nats-server") or sys.exit("nats-server is not installed; README.md says what is needed")
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        pathlib.Path(one).chmod(0o755)
        ours = marketplace()
        peers = [
            ("PostgreSQL COPY, indexed", postgresql(pathlib.Path(one) / "postgresql")),
            ("NATS JetStream, unsynced", jetstream(pathlib.Path(two))),
        ]
    print(f"{'marketplace':28}{ours:>14,.0f} samples/s")
    for name, theirs in peers:
        print(f"{name:28}{theirs:>14,.0f} samples/s   ours is {ours / theirs:.1f} times as fast")


if __name__ == "__main__":
    main()
