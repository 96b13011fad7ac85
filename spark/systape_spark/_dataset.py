"""A dataset as Spark's DataFrames."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from pyspark.errors import PythonException
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from systape_spark import _tasks
from systape_spark._files import FILES, list_files
from systape_spark._measures import Errors, Histogram, Measure, Sequences, Statuses, bucket_value
from systape_spark._plan import UNITS


MOST_TOLD = 8  # recordings of which warnings tell


class RecordingWarning(UserWarning):
    """What is to be known of a recording before its figures are believed."""


class Dataset:
    """Captures below a folder or URI, of any number of machines and recordings.

    ``nodes`` are the machines that count, by default all. ``unit_rows`` is about
    how many rows one task reads at a time, to the row group: it needs some 200
    bytes of memory for each. ``program`` is systape on the workers: a name that
    is looked for among what addFile sent and on the path, or a path.

    Recordings are paired as a whole, so all files of one must be there. Results
    are of the calls with a duration measured from end to end (ok and restarted),
    except for `calls` and `statuses`. What is to be known of a recording (calls drawn
    by lot, losses, no end, rows chosen by another program) is a `RecordingWarning`
    when its files were looked at, and a row of `notes`.
    """

    def __init__(self, spark: SparkSession, path: str, *, nodes: Sequence[str] | None = None, unit_rows: int = 2 << 20, program: str = "systape") -> None:
        if isinstance(nodes, str):
            nodes = [nodes]
        self._spark = spark
        self._nodes = None if nodes is None else list(nodes)
        self._unit_rows = unit_rows
        self._program = program
        self._units: DataFrame | None = None
        self._path = path
        self._files = list_files(path, self._nodes)
        if not self._files:
            raise FileNotFoundError(f"{path}: no Parquet files" + ("" if nodes is None else f" of {', '.join(self._nodes or [])}"))

    def units(self) -> DataFrame:
        """What the tasks read: row groups of a file each, and what they have to
        know of the rest of their recording. It is found out once."""
        if self._units is None:
            plans = self._described().groupBy("capture").applyInArrow(_tasks.plan_units(self._unit_rows), from_arrow_schema(UNITS))
            try:
                plans = plans.localCheckpoint()
            except PythonException as err:
                # What a task says of a file is at the end of its own traceback.
                said = [line for line in str(err).splitlines() if line.startswith("ValueError: ")]
                if not said:
                    raise
                raise ValueError(said[-1].removeprefix("ValueError: ")) from None
            if plans.isEmpty():
                raise FileNotFoundError(f"{self._path}: no captures among its {len(self._files)} Parquet files" + (f" of {', '.join(self._nodes)}" if self._nodes else ""))
            self._tell(plans)
            self._units = plans.repartition(self._tasks(plans.count()))
        return self._units

    def _tell(self, plans: DataFrame) -> None:
        """Warns of what is to be known of the recordings."""
        noted = plans.where(F.size("notes") > 0).select("capture", F.get_json_object("meta", "$.host.name").alias("node"), "notes")
        found = noted.orderBy("node", "capture").limit(MOST_TOLD + 1).collect()
        for row in found[:MOST_TOLD]:
            for note in row.notes:
                warnings.warn(f"{row.node or 'a machine without a name'}, recording {row.capture[:12]}: {note}", RecordingWarning, stacklevel=4)
        if len(found) > MOST_TOLD:
            warnings.warn(f"of {noted.count() - MOST_TOLD} more recordings something is to be known: Dataset.notes()", RecordingWarning, stacklevel=4)

    def notes(self) -> DataFrame:
        """What is to be known of recordings before their figures are believed: that
        calls were drawn by lot or lost, that there is no end, that another program
        chose rows. A row each; none is what is best."""
        units = self.units().select("capture", F.get_json_object("meta", "$.host.name").alias("node"), F.explode("notes").alias("note"))
        return units.select("node", "capture", "note")

    def _tasks(self, pieces: int) -> int:
        """How many tasks share so many pieces of work: some for each core, for they are not alike."""
        return max(min(pieces, 8 * self._spark.sparkContext.defaultParallelism), 1)

    def _described(self) -> DataFrame:
        """What the files say of themselves."""
        paths = self._spark.createDataFrame(pa.table({"path": self._files})).repartition(self._tasks(len(self._files)))
        files = paths.mapInArrow(_tasks.describe_files, from_arrow_schema(FILES))
        if self._nodes is not None:
            files = files.where(F.get_json_object("meta", "$.host.name").isin(self._nodes))
        return files

    def calls(self) -> DataFrame:
        """The calls, one row each, as ``systape pair`` has them, with ``node`` and
        ``capture``; without what depends on all that a process did before
        (continues, path, path2, fd_path)."""
        job = _tasks.Job(self._program)
        units, schema = self.units(), from_arrow_schema(_tasks.CALLS_SCHEMA)
        settled = units.mapInArrow(_tasks.settled_units(job), schema)
        pieces = units.mapInArrow(_tasks.edge_units(job), from_arrow_schema(_tasks.PIECES))
        return settled.unionAll(pieces.groupBy("key").applyInArrow(_tasks.stitch_calls(job), schema))

    def histogram(self, by: Sequence[str] = ("syscall",)) -> DataFrame:
        """How many calls of each group lasted how long, by bucket (the rule of
        systape, as in sql/latency.sql), with count, errors, total_ns, min_ns and
        max_ns. ``by`` are some of node, capture, syscall, comm, container, abi,
        pid, tid."""
        by = _names(by)
        found = self._count(Histogram(by)).groupBy(*by, "bucket")
        return found.agg(*(F.sum(c).alias(c) for c in ("count", "errors", "total_ns")), F.min("min_ns").alias("min_ns"), F.max("max_ns").alias("max_ns"))

    def latency(self, by: Sequence[str] = ("syscall",), quantiles: Sequence[float] = (0.5, 0.9, 0.99, 0.999)) -> DataFrame:
        """Count, errors, total and percentiles in ns of each group. A percentile
        is the middle of its bucket, within 1/128 of the duration."""
        by = _names(by)
        group = Window.partitionBy(*by) if by else Window.partitionBy(F.lit(1))
        ranked = self.histogram(by).withColumn("upto", F.sum("count").over(group.orderBy("bucket"))).withColumn("all", F.sum("count").over(group))

        def percentile(q: float) -> Column:
            b = F.min(F.when(F.col("upto") >= F.ceil(F.col("all") * q), F.col("bucket")))
            inside = F.least(F.greatest(bucket_value(b.cast("long")), F.min("min_ns")), F.max("max_ns"))
            return inside.alias("p" + f"{q * 100:g}".replace(".", "") + "_ns")

        sums = [F.sum(c).alias(c) for c in ("count", "errors", "total_ns")]
        return ranked.groupBy(*by).agg(*sums, F.min("min_ns").alias("min_ns"), *(percentile(q) for q in quantiles), F.max("max_ns").alias("max_ns"))

    def errors(self, every_ns: int = 0, by: Sequence[str] = ("syscall",)) -> DataFrame:
        """How many calls of each group failed with which error (its number), in
        each interval of so many ns of start_ns; 0: at all."""
        by = _names(by)
        return self._count(Errors(by, every_ns)).groupBy(*by, "interval_ns", "errno").agg(F.sum("count").alias("count"))

    def sequences(self, n: int = 3, by: Sequence[str] = ()) -> DataFrame:
        """How often a thread made these n calls one after the other, as ``systape
        sequences`` counts them. ``by`` are some of node and capture."""
        by = _names(by)
        found = self._count(Sequences(n, by)).groupBy(*by, "calls").agg(F.sum("count").alias("count"))
        return found.withColumn("calls", F.split("calls", "\0"))

    def statuses(self, by: Sequence[str] = ("node",)) -> DataFrame:
        """What became of the calls: how many of each group have which status.
        It is the coverage that figures of ok and restarted calls rest on."""
        by = _names(by)
        return self._count(Statuses(by)).groupBy(*by, "status").agg(F.sum("count").alias("count"))

    def losses(self) -> DataFrame:
        """How many events each recording lost."""
        lost = self._described().mapInArrow(_tasks.lost_events, from_arrow_schema(_tasks.LOSSES))
        return lost.groupBy("node", "capture").agg(F.sum("events").alias("events"))

    def _count(self, measure: Measure) -> DataFrame:
        """The counts of a measure, by recording or finer."""
        job = _tasks.Job(self._program, measure)
        pieces = self.units().mapInArrow(_tasks.count_units(job), from_arrow_schema(_tasks.PIECES))
        return pieces.groupBy("key").applyInArrow(_tasks.stitch_counts(job), from_arrow_schema(measure.schema))


def _names(by: Any) -> list[str]:
    return [by] if isinstance(by, str) else list(by)
