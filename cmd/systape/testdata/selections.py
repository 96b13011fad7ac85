"""Chooses rows of a capture as people do in notebooks, and writes them back.

usage: selections.py capture.parquet tid out-folder

good/NAME.parquet: the rows of one thread, which systape must read like
   --tid; bad/WORD/NAME.parquet: what it must refuse, saying WORD.
"""

import os
import sys

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

src, tid, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]


def path(*names):
    name = os.path.join(out, *names) + ".parquet"
    os.makedirs(os.path.dirname(name), exist_ok=True)
    return name


def good(name):
    return path("good", name)


def bad(says, name):
    return path("bad", says, name)


frame = pd.read_parquet(src)
mine = frame[frame.tid == tid]
table = pq.read_table(src)
chosen = table.filter(pc.equal(table["tid"], tid))
at = table.schema.get_field_index("ts_ns")


def with_time(values):
    return chosen.set_column(at, pa.field("ts_ns", values.type), values)


# Without the metadata: pandas, Polars and DuckDB drop it.
mine.to_parquet(good("pandas"))
mine.to_parquet(good("pandas-no-index"), index=False, row_group_size=100)
mine.assign(kind=mine.kind.astype("category"), comm=mine.comm.astype("category")).to_parquet(good("pandas-categories"))
mine.assign(ts_ns=pd.to_datetime(mine.ts_ns, utc=True)).to_parquet(good("pandas-time"))
mine.assign(pid=mine.pid.astype("int64"), nr=mine.nr.astype("int64")).to_parquet(good("pandas-wider"))
pl.scan_parquet(src).filter(pl.col("tid") == tid).sink_parquet(good("polars"))
pl.read_parquet(src).filter(pl.col("tid") == tid).with_columns(pl.col("comm").cast(pl.Categorical)).write_parquet(good("polars-categories"))
pl.read_parquet(src).filter(pl.col("tid") == tid).with_columns(pl.col("cpu").cast(pl.Int64), pl.col("arg5").cast(pl.Int32)).write_parquet(good("polars-resized"))
duckdb.sql(f"copy (select * from '{src}' where tid = {tid} order by seq) to '{good('duckdb')}'")
duckdb.sql(f"copy (select *, ts_ns // 1000 as us from '{src}' where tid = {tid} order by seq) to '{good('duckdb-more-columns')}' (row_group_size 2048)")
duckdb.sql(f"copy (select * from '{src}' where tid = {tid} order by seq) to '{good('duckdb-v2')}' (parquet_version 'V2', compression 'zstd')")
# With it: pyarrow keeps it.
pq.write_table(chosen, good("pyarrow"))
pq.write_table(with_time(chosen["ts_ns"].cast(pa.timestamp("ns", "UTC"))), good("pyarrow-time"), version="2.6")

# Integers that pandas made floats of, because some were not there for a while.
mine.assign(pid=mine.pid.astype("float64"), tid=mine.tid.astype("float64"), nr=mine.nr.astype("float32"), cpu=mine.cpu.astype("float64"), ret=mine.ret.astype("float64")).to_parquet(good("pandas-floats"))
pl.scan_parquet(src).filter(pl.col("tid") == tid).with_columns(pl.col("ret").cast(pl.Float64), pl.col("seq").cast(pl.Float64)).sink_parquet(good("polars-floats"))

# What would be misread.
pq.write_table(with_time(pc.divide(chosen["ts_ns"], 1000)), bad("in µs", "pyarrow"))
pq.write_table(with_time(pc.divide(chosen["ts_ns"], 1000000)), bad("in ms", "pyarrow"))
mine.assign(ts_ns=mine.ts_ns // 1000).to_parquet(bad("in µs", "pandas"))
mine.assign(ts_ns=mine.ts_ns // 1000000).to_parquet(bad("in ms", "pandas"))
mine.assign(ts_ns=mine.ts_ns / 1e9).to_parquet(bad("it is a 64-bit float", "pandas-seconds"))
local = pd.to_datetime(chosen["ts_ns"].to_pandas(), utc=True).dt.tz_convert("Asia/Kolkata").dt.tz_localize(None)
pq.write_table(with_time(pa.array(local)), bad("time zone", "pyarrow"))
mine.assign(tid=mine.tid.astype("uint32")).to_parquet(bad("unsigned", "pandas"))
mine.assign(arg0=pd.to_datetime(mine.arg0)).to_parquet(bad("timestamp", "pandas"))
mine.assign(tid=mine.tid.astype("int64") + 2**32).to_parquet(bad("does not fit", "pandas"))
mine.assign(ret=mine.ret.where(mine.kind == "exit")).to_parquet(bad('frame["ret"].fillna(0).astype("int64")', "pandas-nan"))
mine.assign(ret=mine.ret.where(mine.kind == "exit").astype("Int64")).to_parquet(bad('frame["ret"].fillna(0).astype("int64")', "pandas-null"))
mine.assign(tid=mine.tid.where(mine.kind == "exit")).to_parquet(bad('frame.dropna(subset=["tid"])', "pandas-nan"))
mine.assign(tid=mine.tid + 0.5).to_parquet(bad("no integer", "pandas"))
mine.assign(seq=mine.seq + 2.0**60).to_parquet(bad("may be rounded", "pandas"))
mine.sort_values("ret").to_parquet(bad("in the order of seq", "pandas"))
duckdb.sql(f"copy (select * from '{src}' where tid = {tid} order by seq desc) to '{bad('in the order of seq', 'duckdb')}'")
pq.write_table(chosen.select([c for c in chosen.column_names if c != "cpu"]), bad("column cpu", "pyarrow"))
mine.drop(columns=["cpu"]).to_parquet(bad("column cpu", "pandas"))
