-- The calls that were measured from end to end, from the events of a capture:
-- an enter and the next row of its thread, if that is an exit with the same
-- number and ABI, and no loss that may concern them. These are the calls that
-- 'systape pair' calls ok and restarted; it knows what became of the others, too.
--
-- duckdb -cmd "SET VARIABLE capture = 'trace.parquet'" calls.db <sql/pair.sql
--
-- makes the table calls, with the columns that the other scripts need.
CREATE OR REPLACE TABLE calls AS
WITH told AS (  -- whether threads that lost events have marks of their own (FORMAT.md: version 2)
  SELECT coalesce(max(decode(value)::INTEGER) FILTER (decode(key) = 'systape.format'), 1) > 1
    AND count(*) FILTER (decode(key) = 'systape.imported') = 0
    AND coalesce(bool_and(json_extract(decode(value), '$.calls')::BOOLEAN) FILTER (decode(key) = 'systape.selection'), true) AS marks
  FROM parquet_kv_metadata(getvariable('capture')) WHERE decode(key) IN ('systape.format', 'systape.imported', 'systape.selection')
), losses AS (  -- the first and last instant of each that may concern any thread
  SELECT CASE WHEN arg1 = 0 OR arg1 > ts_ns THEN ts_ns ELSE arg1 END AS first, greatest(arg2, first) AS last
  FROM read_parquet(getvariable('capture')) WHERE kind = 'lost' AND (arg5 > 1 OR NOT (SELECT marks FROM told))
), rows AS (
  SELECT seq, ts_ns, kind, pid, tid, comm, container, abi, nr, syscall, ret FROM read_parquet(getvariable('capture'))
  WHERE kind IN ('enter', 'exit', 'thread_end') OR kind = 'mark' AND arg0 = 5 OR kind = 'lost' AND tid <> 0  -- the thread lost events
  UNION ALL  -- the id of a thread that ended is used again
  SELECT seq, ts_ns, kind, arg0::INTEGER, arg1::INTEGER, comm, container, abi, nr, syscall, ret
  FROM read_parquet(getvariable('capture')) WHERE kind = 'fork'
), next AS (
  SELECT *, lead(kind) OVER w AS next_kind, lead(seq) OVER w AS exit_seq, lead(ts_ns) OVER w AS end_ns,
    lead(nr) OVER w AS next_nr, lead(abi) OVER w AS next_abi, lead(ret) OVER w AS result
  FROM rows WINDOW w AS (PARTITION BY tid ORDER BY seq)
)
SELECT ts_ns AS start_ns, end_ns - ts_ns AS dur_ns, make_timestamp_ns(ts_ns) AS time, pid, tid, comm, container, syscall, abi, nr,
  result AS ret, CASE WHEN result BETWEEN -516 AND -512 THEN 'restarted' ELSE 'ok' END AS status,
  result BETWEEN -4095 AND -1 AND result NOT BETWEEN -516 AND -512 AS failed, seq AS enter_seq, exit_seq
FROM next
WHERE kind = 'enter' AND next_kind = 'exit' AND nr = next_nr AND abi = next_abi
  AND syscall NOT IN ('rt_sigreturn', 'sigreturn')  -- what it returns is what the signal interrupted
  AND NOT EXISTS (FROM losses WHERE first <= end_ns AND last >= ts_ns)
ORDER BY start_ns, enter_seq;
