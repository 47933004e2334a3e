"""Asks a marketplace, DuckDB and PostgreSQL the thirteen questions of the workload `iot` of the Time Series
Benchmark Suite over the same fleet of trucks, compares the answers, and prints the times side by side.

`marketplace load --truck-days` streams the fleet through the door for cars, signed and over mutual TLS, and writes
the same readings as Parquet; DuckDB and PostgreSQL load those as the benchmark has them: wide tables of readings and
diagnostics with an index on truck and time. The marketplace is asked over HTTP (`POST /v1/sql`), by the fleet's owner; it
knows samples, one signal a row. DuckDB and PostgreSQL are asked over their own connections. Each question is asked
several times, the median counts.

    tsbs.py [--trucks 400] [--days 1] [--repeat 5] [--folder DIR] [--without-postgresql]

With a folder everything is kept there, and loaded only once.
"""

import argparse
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import duckdb
import psycopg

from servers import MARKETPLACE, ROOT, free_port, postgresql, wait_for

SPEED = "Vehicle.Speed"
LATITUDE, LONGITUDE = "Vehicle.CurrentLocation.Latitude", "Vehicle.CurrentLocation.Longitude"
CONSUMPTION = "Vehicle.Powertrain.FuelSystem.InstantConsumption"
FUEL = "Vehicle.Powertrain.FuelSystem.RelativeLevel"
LOAD = "Vehicle.CurrentOverallWeight"
STATUS = "Vehicle.OBD.Status.DTCCount"


def questions(last, some):
    """Name, whether it asks for last values only, our SQL and that of the others. `last` is the end of the readings, `some`
    are names of trucks."""
    ten_minutes = (
        "SELECT {vehicle}, {bucket} AS ten_minutes FROM {rows} GROUP BY 1, 2 HAVING avg({velocity}) > 1"
    )
    ours = lambda text, **more: text.format(
        vehicle="vehicle", bucket="date_bin(INTERVAL '10 minutes', time)", velocity="value",
        rows=f"samples WHERE signal = '{SPEED}'" + more.get("since", ""),
    )
    theirs = lambda text, **more: text.format(
        vehicle="tags_id", bucket="time_bucket(INTERVAL '10 minutes', time)", velocity="velocity",
        rows="readings" + more.get("since", ""),
    )

    def since(word, **ago):
        begun = (last - datetime.timedelta(**ago)).strftime("%Y-%m-%d %H:%M:%S")
        return (f" {word} time >= TIMESTAMP '{begun}Z'", f" {word} time >= TIMESTAMP '{begun}'")

    names = ", ".join(f"'{name}'" for name in some)
    newest = (
        "SELECT {tags} FROM tags t JOIN (SELECT tags_id, {values}, "
        "row_number() OVER (PARTITION BY tags_id ORDER BY time DESC) AS n FROM {table}) r ON r.tags_id = t.id "
        "WHERE r.n = 1 AND {condition}"
    )
    places = (
        f"SELECT v.vehicle, v.driver, a.value, o.value FROM vehicles v JOIN latest a ON a.vehicle = v.vehicle "
        f"JOIN latest o ON o.vehicle = v.vehicle WHERE a.signal = '{LATITUDE}' AND o.signal = '{LONGITUDE}' AND "
    )
    level = (
        "SELECT v.vehicle, v.driver, l.value {scale} FROM vehicles v JOIN latest l ON l.vehicle = v.vehicle "
        "WHERE l.signal = '{signal}' AND v.fleet = 'South' AND {condition}"
    )
    minute = since("AND", minutes=10), since("WHERE", minutes=10)
    sessions = (
        "WITH driven AS ({driven}) SELECT {name}, v.driver FROM {tags} v JOIN driven d ON d.{vehicle} = v.{id} "
        "WHERE v.fleet = 'West' GROUP BY 1, 2 HAVING count(*) > {count}"
    )

    def long_sessions(count, **ago):
        us, them = since("AND", **ago)[0], since("WHERE", **ago)[1]
        return (
            sessions.format(driven=ours(ten_minutes, since=us), name="v.vehicle", tags="vehicles", vehicle="vehicle",
                            id="vehicle", count=count),
            sessions.format(driven=theirs(ten_minutes, since=them), name="v.name", tags="tags", vehicle="tags_id",
                            id="id", count=count),
        )

    driven_hours = (
        "WITH driven AS ({driven}), daily AS (SELECT {vehicle}, date_trunc('day', ten_minutes) AS day, "
        "count(*) / 6.0 AS hours FROM driven GROUP BY 1, 2) SELECT v.fleet, {name}, v.driver, avg(d.hours) "
        "FROM daily d JOIN {tags} v ON v.{id} = d.{vehicle} GROUP BY 1, 2, 3"
    )
    # The first half looks for ten minutes in which the state is another than before, the second for how long it stays.
    driving_sessions = (
        "SELECT {name}, date_trunc('day', start) AS day, avg({seconds}) FROM (SELECT {vehicle}, driving, ten_minutes AS start, "
        "lead(ten_minutes) OVER (PARTITION BY {vehicle} ORDER BY ten_minutes) AS stop FROM (SELECT *, "
        "lag(driving) OVER (PARTITION BY {vehicle} ORDER BY ten_minutes) AS was FROM (SELECT {vehicle}, {bucket} AS ten_minutes, "
        "avg({velocity}) > 5 AS driving FROM {rows} GROUP BY 1, 2) state) before WHERE driving <> was) c "
        "JOIN {tags} v ON v.{id} = c.{vehicle} WHERE driving AND stop IS NOT NULL GROUP BY 1, 2"
    )
    breakdowns = (
        "WITH state AS (SELECT {vehicle}, {bucket} AS ten_minutes, avg(CASE WHEN {status} = 0 THEN 1.0 ELSE 0.0 END) >= 0.5 "
        "AS broken FROM {rows} GROUP BY 1, 2), after AS (SELECT {vehicle}, broken, "
        "lead(broken) OVER (PARTITION BY {vehicle} ORDER BY ten_minutes) AS next FROM state) "
        "SELECT v.model, count(*) FROM after a JOIN {tags} v ON v.{id} = a.{vehicle} WHERE NOT broken AND next GROUP BY 1"
    )
    activity = (
        "WITH active AS (SELECT {vehicle}, {bucket} AS ten_minutes, count(*) AS times FROM {rows} GROUP BY 1, 2 "
        "HAVING avg({status}) < 1) SELECT v.fleet, v.model, date_trunc('day', ten_minutes) AS day, sum(times) / 144.0 "
        "FROM active a JOIN {tags} v ON v.{id} = a.{vehicle} GROUP BY 1, 2, 3"
    )
    us = dict(vehicle="vehicle", bucket="date_bin(INTERVAL '10 minutes', time)", velocity="value", status="value",
              tags="vehicles", id="vehicle", name="v.vehicle",
              seconds="to_unixtime(stop) - to_unixtime(start)")
    them = dict(vehicle="tags_id", bucket="time_bucket(INTERVAL '10 minutes', time)", velocity="velocity", status="status",
                tags="tags", id="id", name="v.name", seconds="extract(epoch FROM stop - start)")
    of = lambda signal: f"samples WHERE signal = '{signal}'"
    return [
        ("last-loc of some trucks", True,
         places + f"v.vehicle IN ({names})",
         newest.format(tags="t.name, t.driver, r.latitude, r.longitude", values="latitude, longitude",
                       table=f"readings WHERE tags_id IN (SELECT id FROM tags WHERE name IN ({names}))", condition="true")),
        ("last-loc of a fleet", True,
         places + "v.fleet = 'South'",
         newest.format(tags="t.name, t.driver, r.latitude, r.longitude", values="latitude, longitude",
                       table="readings", condition="t.fleet = 'South'")),
        ("low-fuel", True,
         level.format(scale="", signal=FUEL, condition="l.value < 10"),
         newest.format(tags="t.name, t.driver, r.fuel_state", values="fuel_state",
                       table="diagnostics", condition="t.fleet = 'South' AND r.fuel_state < 10")),
        ("high-load", True,
         level.format(scale="", signal=LOAD, condition="l.value / CAST(v.load_capacity AS DOUBLE) > 0.9"),
         newest.format(tags="t.name, t.driver, r.current_load", values="current_load",
                       table="diagnostics", condition="t.fleet = 'South' AND r.current_load / t.load_capacity > 0.9")),
        ("stationary-trucks", False,
         f"SELECT v.vehicle, v.driver FROM vehicles v JOIN samples s ON s.vehicle = v.vehicle WHERE s.signal = '{SPEED}'"
         f"{minute[0][0]} AND v.fleet = 'West' GROUP BY 1, 2 HAVING avg(s.value) < 1",
         f"SELECT t.name, t.driver FROM tags t JOIN readings r ON r.tags_id = t.id {minute[1][1]} AND t.fleet = 'West' "
         "GROUP BY 1, 2 HAVING avg(r.velocity) < 1"),
        ("long-driving-sessions", False, *long_sessions(22, hours=4)),
        ("long-daily-sessions", False, *long_sessions(60, hours=24)),
        ("avg-vs-projected-fuel-consumption", False,
         f"SELECT v.fleet, avg(c.value), avg(CAST(v.nominal_fuel_consumption AS DOUBLE)) FROM samples c "
         f"JOIN samples s ON s.vehicle = c.vehicle AND s.time = c.time JOIN vehicles v ON v.vehicle = c.vehicle "
         f"WHERE c.signal = '{CONSUMPTION}' AND s.signal = '{SPEED}' AND s.value > 1 GROUP BY 1",
         "SELECT t.fleet, avg(r.fuel_consumption), avg(t.nominal_fuel_consumption) FROM tags t "
         "JOIN readings r ON r.tags_id = t.id WHERE r.velocity > 1 GROUP BY 1"),
        ("avg-daily-driving-duration", False,
         driven_hours.format(driven=ours(ten_minutes), **us), driven_hours.format(driven=theirs(ten_minutes), **them)),
        ("avg-daily-driving-session", False,
         driving_sessions.format(rows=of(SPEED), **us), driving_sessions.format(rows="readings", **them)),
        ("avg-load", False,
         f"SELECT v.fleet, v.model, v.load_capacity, avg(d.load / CAST(v.load_capacity AS DOUBLE)) FROM vehicles v JOIN "
         f"(SELECT vehicle, avg(value) AS load FROM samples WHERE signal = '{LOAD}' GROUP BY 1) d "
         f"ON d.vehicle = v.vehicle GROUP BY 1, 2, 3",
         "SELECT t.fleet, t.model, CAST(t.load_capacity AS TEXT), avg(d.load / t.load_capacity) FROM tags t JOIN "
         "(SELECT tags_id, avg(current_load) AS load FROM diagnostics GROUP BY 1) d ON d.tags_id = t.id GROUP BY 1, 2, 3, t.load_capacity"),
        ("daily-activity", False,
         activity.format(rows=of(STATUS), **us), activity.format(rows="diagnostics", **them)),
        ("breakdown-frequency", False,
         breakdowns.format(rows=of(STATUS), **us), breakdowns.format(rows="diagnostics", **them)),
    ]


class Marketplace:
    """Serves what was loaded into `folder`, and is asked over HTTP."""

    name = "marketplace"

    def __init__(self, folder):
        self.key = (folder / "peers" / "owner.key").read_text()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/v1/"
        settings = {
            "DATA_DIR": folder / "market", "REST_ADDRESS": f"127.0.0.1:{port}", "GRPC_ADDRESS": "127.0.0.1:0",
            "QUESTIONS__SECONDS_MAX": "600", "QUESTIONS__MEMORY_MIB_MAX": "8192",
        }
        variables = {f"AXLE_MARKETPLACE_{name}": str(value) for name, value in settings.items()}
        self.process = subprocess.Popen(
            [*MARKETPLACE, "serve"], cwd=ROOT, env=os.environ | variables,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        wait_for(lambda: urllib.request.urlopen(self.url + "health").read())
        operator = (folder / "market" / "operator.key").read_text().strip()
        while not self.is_settled(operator):
            time.sleep(0.2)

    def is_settled(self, operator):
        """Whether it has measured, as it does once when it starts, what is in its lake."""
        request = urllib.request.Request(self.url + "status", None, {"Authorization": f"Bearer {operator}"})
        jobs = json.loads(urllib.request.urlopen(request).read())["jobs"]
        return all(job["last"] for job in jobs if job["job"] == "statistics")

    def ask(self, sql):
        request = urllib.request.Request(
            self.url + "sql", json.dumps({"sql": sql}).encode(),
            {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
        )
        try:
            return json.loads(urllib.request.urlopen(request).read())["rows"]
        except urllib.error.HTTPError as error:
            sys.exit(f"{error.read().decode()}\n{sql}")

    def close(self):
        self.process.terminate()
        self.process.wait()


class DuckDB:
    """A database file with both tables in the order of time, which is how they come."""

    name = "DuckDB"

    def __init__(self, folder):
        self.connection = duckdb.connect(str(folder / "fleet.duckdb"))
        tables = self.connection.execute("SELECT count(*) FROM duckdb_tables()").fetchone()[0]
        if tables == 0:
            for table in ["tags", "readings", "diagnostics"]:
                file = folder / "peers" / f"{table}.parquet"
                self.connection.execute(f"CREATE TABLE {table} AS SELECT * FROM '{file}'")
            for number in ["load_capacity", "fuel_capacity", "nominal_fuel_consumption"]:
                self.connection.execute(f"ALTER TABLE tags ALTER {number} TYPE INTEGER")

    def ask(self, sql):
        return self.connection.execute(sql).fetchall()

    def close(self):
        self.connection.close()


class PostgreSQL:
    """The same tables in a server of its own, with the benchmark's index."""

    name = "PostgreSQL"

    def __init__(self, folder, source):
        self.server, address, is_new = postgresql(folder / "postgresql", ["-c", "shared_buffers=2GB", "-c", "work_mem=256MB"])
        self.connection = psycopg.connect(address, autocommit=True)
        if is_new:
            self.load(source)

    def load(self, source):
        self.connection.execute("""
            CREATE TABLE tags (id int PRIMARY KEY, name text, model text, driver text, fleet text, fuel_capacity int,
                load_capacity int, nominal_fuel_consumption int);
            CREATE TABLE readings (time timestamp, tags_id int, latitude float8, longitude float8, elevation float8,
                velocity float8, heading float8, grade float8, fuel_consumption float8);
            CREATE TABLE diagnostics (time timestamp, tags_id int, fuel_state float8, current_load float8, status float8);
            """)
        for table in ["tags", "readings", "diagnostics"]:
            rows = source.connection.execute(f"SELECT * FROM {table}")
            with self.connection.cursor().copy(f"COPY {table} FROM STDIN WITH (FORMAT csv)") as copy:
                while block := rows.fetchmany(50_000):
                    copy.write("".join(",".join(map(str, row)) + "\n" for row in block))
        for table in ["readings", "diagnostics"]:
            self.connection.execute(f"CREATE INDEX ON {table} (tags_id, time DESC)")
            self.connection.execute(f"CREATE INDEX ON {table} (time)")
        self.connection.execute("VACUUM ANALYZE")

    def ask(self, sql):
        # The only function that it calls otherwise.
        sql = sql.replace("time_bucket(INTERVAL '10 minutes', time)", "date_bin('10 minutes', time, TIMESTAMP '2000-01-01')")
        return self.connection.execute(sql).fetchall()

    def close(self):
        self.connection.close()
        self.server.terminate()
        self.server.wait()


def load(folder, trucks, days):
    """Streams the fleet into a market, once."""
    if (folder / "loaded.json").exists():
        return json.loads((folder / "loaded.json").read_text())
    command = [*MARKETPLACE, "load", "--vehicles", trucks, "--truck-days", days, "--json",
               "--data-dir", folder / "market", "--write", folder / "peers"]
    figures = json.loads(subprocess.check_output([str(part) for part in command], cwd=ROOT))
    (folder / "loaded.json").write_text(json.dumps(figures))
    return figures


def plain(value):
    """Values of every answer in one form: numbers to nine digits, times as text."""
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S")
    if isinstance(value, str) and len(value) > 19 and value[4] == value[7] == "-" and value[10] == "T":
        return value[:19]
    try:
        return float(f"{float(value):.9g}")
    except (TypeError, ValueError):
        return value


def comparable(rows):
    return sorted([[plain(value) for value in row] for row in rows], key=str)


def ask(database, sql, repeat):
    """The answer, and the median of the seconds it took."""
    seconds = []
    for _ in range(repeat):
        begun = time.monotonic()
        rows = database.ask(sql)
        seconds.append(time.monotonic() - begun)
    return comparable(rows), statistics.median(seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--trucks", type=int, default=400)
    parser.add_argument("--days", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--folder", type=pathlib.Path)
    parser.add_argument("--without-postgresql", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.folder or pathlib.Path(temporary)).resolve()
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
        figures = load(folder, options.trucks, options.days)
        print(f"{figures['samples_acknowledged']:,} samples of {options.trucks} trucks in {options.days} days, taken in at "
              f"{figures['samples_per_second']:,.0f} a second, lake caught up after {figures['lake_caught_up_seconds']:.0f} s")
        databases = [Marketplace(folder), duck := DuckDB(folder)]
        if not options.without_postgresql:
            databases.append(PostgreSQL(folder, duck))
        try:
            compare(databases, duck, options.repeat)
        finally:
            for database in databases:
                database.close()


def compare(databases, duck, repeat):
    last = duck.ask("SELECT max(time) FROM readings")[0][0]
    some = [name for (name,) in duck.ask("SELECT name FROM tags ORDER BY id LIMIT 3")]
    print(f"{'milliseconds':36}{'rows':>8}" + "".join(f"{database.name:>14}" for database in databases) + f"{'to DuckDB':>12}")
    wrong, slower = [], []
    for name, is_last, ours, theirs in questions(last, some):
        answers = [ask(database, ours if index == 0 else theirs, repeat) for index, database in enumerate(databases)]
        rows, seconds = [answer[0] for answer in answers], [answer[1] for answer in answers]
        wrong += [f"{name}: {database.name}" for database, answer in zip(databases, rows) if answer != rows[0]]
        limit = 0.005 if is_last else seconds[1]
        slower += [name] if seconds[0] > limit else []
        print(f"{name:36}{len(rows[0]):>8}" + "".join(f"{second * 1_000:>14,.1f}" for second in seconds)
              + f"{seconds[0] / seconds[1]:>11.2f}x")
    print("same answers" if not wrong else f"OTHER ANSWERS: {', '.join(wrong)}")
    print("last values within 5 ms, every other question within DuckDB's time" if not slower
          else f"slower than 5 ms (last values) or than DuckDB: {', '.join(slower)}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
