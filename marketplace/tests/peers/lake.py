"""What each engine finds in the Delta table in the folder argv[1].

Prints JSON: engine -> signal -> [rows, sum of values, first and last time in microseconds].
"""

import json
import sys

import deltalake
import duckdb
import polars

QUERY = """
    SELECT signal, count(*) AS rows, sum(value) AS total, min(time) AS first, max(time) AS last
    FROM {table} GROUP BY signal
"""


def with_delta_rs(folder):
    """Through the Delta reader of delta-rs, by SQL."""
    engine = deltalake.QueryBuilder().register("samples", deltalake.DeltaTable(folder))
    return polars.DataFrame(engine.execute(QUERY.format(table="samples")).read_all())


def with_polars(folder):
    """Through Polars' own scan of the files, partitions and statistics included."""
    value, time = polars.col("value"), polars.col("time")
    return (
        polars.scan_delta(folder)
        .group_by("signal")
        .agg(
            polars.len().alias("rows"),
            value.sum().alias("total"),
            time.min().alias("first"),
            time.max().alias("last"),
        )
        .collect()
    )


def with_duckdb(folder):
    """Over the files that the log names."""
    files = deltalake.DeltaTable(folder).file_uris()
    connection = duckdb.connect()
    query = QUERY.format(table="read_parquet($files)")
    for bound in ("min(time)", "max(time)"):
        query = query.replace(bound, f"epoch_us({bound})")
    rows = connection.execute(query, {"files": files}).fetchall()
    return polars.DataFrame(rows, schema=["signal", "rows", "total", "first", "last"], orient="row")


def summary(frame):
    """The rows of `frame` by signal, with times as microseconds."""
    micros = [
        polars.col(name).dt.epoch("us") if frame.schema[name].is_temporal() else polars.col(name)
        for name in ("first", "last")
    ]
    rows = frame.select("signal", "rows", "total", *micros).rows()
    return {signal: counted for signal, *counted in rows}


def main():
    folder = sys.argv[1]
    engines = {"delta-rs": with_delta_rs, "polars": with_polars, "duckdb": with_duckdb}
    json.dump({name: summary(read(folder)) for name, read in engines.items()}, sys.stdout)


main()
