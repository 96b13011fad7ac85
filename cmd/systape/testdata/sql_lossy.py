"""Writes captures with losses of several kinds, and one of which calls were drawn by lot.

usage: sql_lossy.py capture.parquet folder
"""

import json
import os
import sys

import pyarrow.parquet as pq

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from spark_equal import renamed, with_losses

capture, folder = sys.argv[1:]
asked = json.loads(pq.read_metadata(capture).metadata[b"systape.request"])
renamed(capture, f"{folder}/lossy.parquet", "lossy", "a", rows=with_losses(capture, 1, False, False))
renamed(capture, f"{folder}/late.parquet", "late", "b", rows=with_losses(capture, 2, False, True), format=2)
renamed(capture, f"{folder}/marked.parquet", "marked", "c", rows=with_losses(capture, 0, True, False), format=2)
renamed(capture, f"{folder}/sampled.parquet", "sampled", "d", request=asked | {"sample": 10}, format=2)
