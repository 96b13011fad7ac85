-- Latency histograms by the rule of systape: durations below 128 ns have a
-- bucket each; above, every power of two is cut into 64 buckets of equal width.
-- Buckets of other hosts, and of 'systape latency --histogram', add up with
-- these. Needs the table calls: of sql/pair.sql, or
-- CREATE VIEW calls AS FROM 'calls.parquet' with what 'systape pair' wrote.
--
-- duckdb calls.db <sql/latency.sql
CREATE OR REPLACE MACRO bucket_shift(ns) AS greatest(length(bin(ns::BIGINT)) - 7, 0);
CREATE OR REPLACE MACRO bucket(ns) AS bucket_shift(ns) * 64 + (ns::BIGINT >> bucket_shift(ns));
-- The duration that stands for a bucket: its middle, within 1/128 of any in it.
CREATE OR REPLACE MACRO bucket_value(b) AS CASE WHEN b < 128 THEN b
  ELSE ((b % 64 + 64) << (b // 64 - 1)) + ((1::BIGINT << (b // 64 - 1)) >> 1) END;

CREATE OR REPLACE VIEW histogram AS
SELECT syscall, bucket(dur_ns) AS bucket, count(*) AS count
FROM calls WHERE status IN ('ok', 'restarted') GROUP BY ALL;

-- Percentiles of the nearest rank, from the counts alone.
CREATE OR REPLACE VIEW latency AS
WITH ranked AS (
  SELECT *, sum(count) OVER (PARTITION BY syscall ORDER BY bucket) AS upto, sum(count) OVER (PARTITION BY syscall) AS total FROM histogram
)
SELECT syscall, max(total)::BIGINT AS count,
  bucket_value(min(bucket) FILTER (upto >= ceil(total * 0.50))) AS p50_ns,
  bucket_value(min(bucket) FILTER (upto >= ceil(total * 0.90))) AS p90_ns,
  bucket_value(min(bucket) FILTER (upto >= ceil(total * 0.99))) AS p99_ns
FROM ranked GROUP BY syscall;

FROM latency ORDER BY count DESC;
