"""Captures of many machines on Spark.

A dataset is what ``systape copy … -o DIR/ --partition date,node`` writes, or any
folder of Parquet captures, on a disk that all workers see or in object storage.

>>> from systape_spark import Dataset
>>> ds = Dataset(spark, "s3://traces/")                   # doctest: +SKIP
>>> ds.latency(by=["node", "syscall"]).show()             # doctest: +SKIP
>>> ds.sequences(n=3).orderBy("count").show()             # doctest: +SKIP

Every task takes some row groups of one file and pairs what can be paired there;
only what is open at their edges goes through a shuffle, to be paired by
recording. All that is not an enter with its exit right behind it is paired by
the program ``systape``, which must be on the workers, so that calls have the
statuses, and results the figures, that the command line gives for the same
recordings. See spark/README.md.
"""

from systape_spark._dataset import Dataset, RecordingWarning

__all__ = ["Dataset", "RecordingWarning"]
