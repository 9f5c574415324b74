"""Count, average, least and greatest of the 30 feature columns by DuckDB, with one thread."""

import sys

import duckdb
from clock import measured

FOLDER, FILE = sys.argv[1:3]


def scan(path: str) -> None:
    connection = duckdb.connect()
    connection.execute("set threads = 1")
    columns = connection.execute(f"describe select * from '{path}'").fetchall()
    wanted = []
    for name, kind, *_ in columns:
        if name[0] in "nc" and name[1:].isdigit():
            wanted.append(f"count({name}), min({name}), max({name})")
            if kind == "DOUBLE":
                wanted.append(f"avg({name})")
    connection.execute(f"select {', '.join(wanted)} from '{path}'").fetchall()


measured(lambda: scan(f"{FOLDER}/{FILE}"), lambda: scan(f"{FOLDER}/small.parquet"))
