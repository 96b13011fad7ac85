-- Which calls take the time, and how many of them fail. Needs the table calls,
-- see sql/latency.sql.
--
-- duckdb calls.db <sql/top.sql
CREATE OR REPLACE VIEW top AS
SELECT syscall, count(*) AS calls, count(*) FILTER (ret BETWEEN -4095 AND -1 AND ret NOT BETWEEN -516 AND -512) AS errors,
  sum(dur_ns)::BIGINT AS total_ns, max(dur_ns) AS max_ns
FROM calls WHERE status IN ('ok', 'restarted') GROUP BY syscall;

FROM top ORDER BY total_ns DESC;
