"""The form in which results come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    import duckdb
    import pandas
    import polars


class Table:
    """An Arrow table with what is known of where it comes from.

    ``arrow`` is the `pyarrow.Table`, ``meta`` what the capture and the program
    say beside the rows. Whatever speaks Arrow's C stream takes a Table as it is:
    ``polars.DataFrame(t)``, ``pyarrow.table(t)``, ``duckdb.sql("from t")``.
    """

    def __init__(self, arrow: Any, meta: dict[str, Any] | None = None) -> None:
        self.arrow: Any = arrow
        self.meta: dict[str, Any] = meta or {}

    @property
    def column_names(self) -> list[str]:
        """The names of the columns, in order."""
        return list(self.arrow.column_names)

    def __len__(self) -> int:
        return int(self.arrow.num_rows)

    def __getitem__(self, column: str) -> Any:
        """The column of this name, a `pyarrow.ChunkedArray`."""
        return self.arrow.column(column)

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.arrow.__arrow_c_stream__(requested_schema)

    def to_pandas(self, **options: Any) -> pandas.DataFrame:
        """A pandas data frame; options are those of `pyarrow.Table.to_pandas`.

        Names become categories, and what is not known becomes a missing value.
        """
        return self.arrow.to_pandas(**options)

    def to_polars(self) -> polars.DataFrame:
        """A Polars data frame of the same memory."""
        import polars

        return polars.from_arrow(self.arrow)

    def to_duckdb(self, connection: duckdb.DuckDBPyConnection | None = None) -> duckdb.DuckDBPyRelation:
        """A DuckDB relation over the same memory, for SQL."""
        import duckdb

        return (connection or duckdb.default_connection()).from_arrow(self.arrow)

    def __repr__(self) -> str:
        names = ", ".join(self.column_names)
        return f"<systape.Table of {len(self):,} rows: {names}>"


NAMES = ("kind", "abi", "syscall", "comm", "container", "status", "errno")


def with_categories(table: Any) -> Any:
    """The table with the columns of names as dictionaries."""
    for i, field in enumerate(table.schema):
        if field.name in NAMES and pa.types.is_string(field.type):
            table = table.set_column(i, field.name, table.column(i).dictionary_encode())
    return table.unify_dictionaries()


def with_time(table: Any, ns: str) -> Any:
    """The table with ``time``: what ``ns`` counts, as a timestamp with a time zone."""
    kind = pa.timestamp("ns", tz="UTC")
    if "time" in table.column_names:
        i = table.schema.get_field_index("time")
        return table.set_column(i, "time", table.column(i).cast(kind))
    if ns not in table.column_names:
        return table
    return table.append_column("time", table.column(ns).cast(kind))
