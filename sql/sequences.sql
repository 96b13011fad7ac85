-- What threads do in which order: runs of n calls, counted, from the events of
-- a capture. A run does not go across another program (exec), across the end of
-- a thread, nor across a time in which enters may have been lost. 'systape
-- sequences' also follows a thread whose execve changes its id.
--
-- duckdb -cmd "SET VARIABLE capture = 'trace.parquet'; SET VARIABLE n = 3" <sql/sequences.sql
CREATE OR REPLACE TABLE sequences AS
WITH told AS (  -- whether threads that lost events have marks of their own: see pair.sql
  SELECT coalesce(max(decode(value)::INTEGER) FILTER (decode(key) = 'systape.format'), 1) > 1
    AND count(*) FILTER (decode(key) = 'systape.imported') = 0
    AND coalesce(bool_and(json_extract(decode(value), '$.calls')::BOOLEAN) FILTER (decode(key) = 'systape.selection'), true) AS marks
  FROM parquet_kv_metadata(getvariable('capture')) WHERE decode(key) IN ('systape.format', 'systape.imported', 'systape.selection')
), losses AS (
  SELECT CASE WHEN arg1 = 0 OR arg1 > ts_ns THEN ts_ns ELSE arg1 END AS first, greatest(arg2, first) AS last,
    arg5 > 1 OR NOT (SELECT marks FROM told) AS halves,  -- calls may have lost one
    tid = 0 AND NOT (arg0 > 0 AND arg0 = arg4) AS enters  -- not only exits
  FROM read_parquet(getvariable('capture')) WHERE kind = 'lost'
), rows AS (
  SELECT seq, ts_ns, kind, tid, abi, nr, syscall FROM read_parquet(getvariable('capture'))
  WHERE kind IN ('enter', 'exit', 'exec', 'thread_end') OR kind = 'mark' AND arg0 = 5 OR kind = 'lost' AND tid <> 0
  UNION ALL
  SELECT seq, ts_ns, kind, arg1::INTEGER, abi, nr, '' FROM read_parquet(getvariable('capture')) WHERE kind = 'fork'
), next AS (
  SELECT *, lead(kind) OVER w AS next_kind, lead(ts_ns) OVER w AS next_ns, lead(nr) OVER w AS next_nr, lead(abi) OVER w AS next_abi
  FROM rows WHERE kind <> 'exec' WINDOW w AS (PARTITION BY tid ORDER BY seq)
), calls AS (  -- inside a call a thread enters no other: only the time from its end to the next can hide one
  SELECT seq, tid, ts_ns, syscall, CASE WHEN next_kind = 'exit' AND nr = next_nr AND abi = next_abi
      AND NOT EXISTS (FROM losses WHERE halves AND first <= next_ns AND last >= ts_ns) THEN next_ns ELSE ts_ns END AS end_ns
  FROM next WHERE kind = 'enter'
), between AS (
  SELECT seq, tid, ts_ns, syscall, lag(end_ns) OVER (PARTITION BY tid ORDER BY seq) AS before_ns FROM calls
), cuts AS (
  SELECT seq, tid, syscall, 'enter' AS kind, EXISTS (FROM losses WHERE enters AND first <= ts_ns AND last >= before_ns) AS cut FROM between
  UNION ALL
  SELECT seq, tid, '', kind, true FROM rows WHERE kind IN ('exec', 'thread_end', 'fork', 'lost')
), stretches AS (
  SELECT *, count(*) FILTER (cut) OVER (PARTITION BY tid ORDER BY seq) AS stretch FROM cuts
), runs AS (
  SELECT list(syscall) OVER (PARTITION BY tid, stretch ORDER BY seq ROWS BETWEEN CURRENT ROW AND getvariable('n') - 1 FOLLOWING) AS calls
  FROM stretches WHERE kind = 'enter'
)
SELECT calls, count(*) AS count FROM runs WHERE len(calls) = getvariable('n') GROUP BY calls;

FROM sequences ORDER BY count DESC, calls LIMIT 20;
