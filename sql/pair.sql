-- The calls that were measured from end to end, from the events of a capture:
-- an enter and the next row of its thread, if that is an exit with the same
-- number and ABI. These are the calls that 'systape pair' calls ok and
-- restarted. It knows more: what became of the others, and of losses, at which
-- this script does not look ('systape verify' says whether there were any).
--
-- duckdb -cmd "SET VARIABLE capture = 'trace.parquet'" calls.db <sql/pair.sql
--
-- makes the table calls, with the columns that the other scripts need.
CREATE OR REPLACE TABLE calls AS
WITH rows AS (
  SELECT seq, ts_ns, kind, pid, tid, comm, container, abi, nr, syscall, ret FROM read_parquet(getvariable('capture'))
  WHERE kind IN ('enter', 'exit', 'thread_end')
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
ORDER BY start_ns, enter_seq;
