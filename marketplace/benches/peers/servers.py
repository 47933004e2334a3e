"""Starting the servers that a marketplace is compared with."""

import os
import pathlib
import shutil
import socket
import subprocess
import time

import psycopg


ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILT = os.environ.get("AXLE_MARKETPLACE")
MARKETPLACE = [BUILT] if BUILT else ["cargo", "run", "-q", "--release", "-p", "marketplace", "--"]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(attempt):
    """What `attempt` returns once it works."""
    for _ in range(600):
        try:
            return attempt()
        except (OSError, psycopg.OperationalError):
            time.sleep(0.2)
    raise SystemExit("a server did not start")


def postgresql(folder, settings):
    """A PostgreSQL server with its data in `folder`: its process, its address, and whether it is a new one. It refuses to
    run as root, so root starts it as the user that Debian's package makes."""
    tools = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1]
    user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    folder.mkdir(exist_ok=True)
    if user:
        shutil.chown(folder, "postgres")
    is_new = not (folder / "data").exists()
    if is_new:
        subprocess.run([*user, tools / "initdb", "-D", folder / "data", "-A", "trust", "-U", "axle"], check=True, capture_output=True)
    port = free_port()
    server = subprocess.Popen(
        [*user, tools / "postgres", "-D", folder / "data", "-p", str(port), "-k", folder, "-c", "max_wal_size=4GB", *settings],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    address = f"host=127.0.0.1 port={port} user=axle dbname=postgres"
    wait_for(lambda: psycopg.connect(address)).close()
    return server, address, is_new
