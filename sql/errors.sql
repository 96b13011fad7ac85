-- Errors over time: one row for each interval, call and error. Needs the table
-- calls, see sql/latency.sql, and the interval in ns.
--
-- duckdb -cmd "SET VARIABLE every_ns = 1000000000" calls.db <sql/errors.sql
CREATE OR REPLACE VIEW errors_over_time AS
SELECT start_ns // getvariable('every_ns') * getvariable('every_ns') AS interval_ns, syscall, -ret AS errno, count(*) AS count
FROM calls
WHERE status IN ('ok', 'restarted') AND ret BETWEEN -4095 AND -1 AND ret NOT BETWEEN -516 AND -512
GROUP BY ALL;

FROM errors_over_time ORDER BY ALL;
