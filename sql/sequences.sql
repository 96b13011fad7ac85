-- What threads do in which order: runs of n calls, counted, from the events of
-- a capture. A run does not go across another program (exec) nor across the
-- end of a thread. 'systape sequences' also cuts where events were lost, and
-- follows a thread whose execve changes its id.
--
-- duckdb -cmd "SET VARIABLE capture = 'trace.parquet'; SET VARIABLE n = 3" <sql/sequences.sql
CREATE OR REPLACE TABLE sequences AS
WITH rows AS (
  SELECT seq, tid, kind, syscall FROM read_parquet(getvariable('capture')) WHERE kind IN ('enter', 'exec', 'thread_end')
  UNION ALL
  SELECT seq, arg1::INTEGER, kind, '' FROM read_parquet(getvariable('capture')) WHERE kind = 'fork'
), stretches AS (
  SELECT *, count(*) FILTER (kind <> 'enter') OVER (PARTITION BY tid ORDER BY seq) AS stretch FROM rows
), runs AS (
  SELECT list(syscall) OVER (PARTITION BY tid, stretch ORDER BY seq ROWS BETWEEN CURRENT ROW AND getvariable('n') - 1 FOLLOWING) AS calls
  FROM stretches WHERE kind = 'enter'
)
SELECT calls, count(*) AS count FROM runs WHERE len(calls) = getvariable('n') GROUP BY calls;

FROM sequences ORDER BY count DESC, calls LIMIT 20;
