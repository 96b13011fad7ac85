"""Reads a capture with pyarrow, pandas, fastparquet, Polars, DuckDB and DataFusion
and compares every cell with what was written; then lets pyarrow and DuckDB write
it anew in their own ways, for systape to read back.

usage: readers_test.py capture.parquet capture.spool expected.jsonl out-folder
"""

import json
import sys

import datafusion
import duckdb
import fastparquet
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

parquet, spool, expected, out = sys.argv[1:]
rows = [json.loads(line) for line in open(expected)]
names = list(rows[0])
want = {n: [r[n] for r in rows] for n in names}


def compare(reader, columns):
    assert list(columns) == names, f"{reader}: columns {list(columns)}, want {names}"
    for n in names:
        got = list(columns[n])
        if got != want[n]:
            i = next((i for i, (g, w) in enumerate(zip(got, want[n])) if g != w), len(got))
            sys.exit(f"{reader}: {len(got)} rows, want {len(want[n])}; column {n}, row {i}: {got[i:i+1]}, want {want[n][i:i+1]}")
    print(f"{reader} ok")


table = pq.read_table(parquet)
table.validate(full=True)
assert all(not f.nullable for f in table.schema), table.schema
assert json.loads(table.schema.metadata[b"systape.format"]) == 2
compare("pyarrow", table.to_pydict())
frame = pd.read_parquet(parquet)
compare("pandas", {n: frame[n].tolist() for n in frame.columns})
compare("polars", pl.read_parquet(parquet).to_dict(as_series=False))
res = duckdb.sql(f"select * from '{parquet}'")
compare("duckdb", dict(zip(res.columns, map(list, zip(*res.fetchall())))))
session = datafusion.SessionContext()
session.register_parquet("capture", parquet)
compare("datafusion", session.sql("select * from capture").to_pydict())
frame = fastparquet.ParquetFile(parquet).to_pandas()
compare("fastparquet", {n: frame[n].tolist() for n in frame.columns})

# A spool is two streams; every reader of Arrow streams gets the first.
with open(spool, "rb") as f:
    first = ipc.open_stream(f)
    compare("pyarrow, spool", first.read_all().to_pydict())
    second = ipc.open_stream(f)
    assert second.read_all().num_rows == 0
    assert json.loads(second.schema.metadata[b"systape.complete"]) is True
compare("polars, spool", pl.read_ipc_stream(spool).to_dict(as_series=False))

# Readers skip by statistics: they must find what is there.
mid = want["ts_ns"][len(rows) // 2]
assert pl.scan_parquet(parquet).filter(pl.col("ts_ns") == mid).collect().height == want["ts_ns"].count(mid)
assert duckdb.sql(f"select count(*) from '{parquet}' where tid = {want['tid'][0]}").fetchall()[0][0] == want["tid"].count(want["tid"][0])
assert session.sql(f"select count(*) as n from capture where ts_ns = {mid}").to_pydict()["n"] == [want["ts_ns"].count(mid)]

# The same capture as others would write it.
nullable = table.cast(pa.schema([f.with_nullable(True) for f in table.schema], metadata=table.schema.metadata))
large = table.cast(pa.schema([f.with_type(pa.large_string()) if f.type == pa.string() else f for f in table.schema], metadata=table.schema.metadata))
strings = [f.name for f in table.schema if f.type == pa.string()]
numbers = [f.name for f in table.schema if f.type != pa.string()]
for name, t, options in [
    ("plain", table, dict(use_dictionary=False, compression="none")),
    ("snappy", nullable, dict(compression="snappy")),
    ("gzip-v2", nullable, dict(compression="gzip", data_page_version="2.0")),
    ("lz4-small-pages", table, dict(compression="lz4", data_page_size=1000, row_group_size=700)),
    ("zstd-large", large, dict(compression="zstd", row_group_size=999)),
    ("delta", nullable, dict(use_dictionary=False, column_encoding={**{n: "DELTA_BINARY_PACKED" for n in numbers}, **{n: "DELTA_LENGTH_BYTE_ARRAY" for n in strings}})),
    ("delta-v2", table, dict(use_dictionary=False, data_page_version="2.0", column_encoding={n: "DELTA_BYTE_ARRAY" for n in strings})),
    ("reordered", table.select(names[::-1]), {}),
]:
    pq.write_table(t, f"{out}/pyarrow-{name}.parquet", **options)
meta = ", ".join(f"'{k.decode()}': '" + v.decode().replace("'", "''") + "'" for k, v in table.schema.metadata.items() if k.startswith(b"systape."))
for version in ["V1", "V2"]:
    duckdb.sql(f"copy (select * from '{parquet}' order by seq) to '{out}/duckdb-{version}.parquet' (format parquet, parquet_version '{version}', kv_metadata {{{meta}}})")
