// Package latency answers where the time of system calls goes, from the calls
// that package replay pairs: figures and percentiles by group ([Table]) and
// by interval ([Intervals]), what failed ([Errors]), which calls were the
// slowest and what surrounded them ([Slowest]), how latency changed over time
// ([Heat]), and how much of its life each thread spent in the kernel
// ([Threads]). It returns results and prints nothing.
//
// A duration is the time between the two tracepoints of a call. It is elapsed
// time: it includes sleeping, waiting for a CPU and being interrupted.
//
// # Percentiles and the bucket rule
//
// Percentiles come from a histogram with log-linear buckets, at most 1/128
// (0.79 %) away from the exact value of the same rank; count, sum, minimum
// and maximum are exact. Durations below 128 ns have a bucket each; above,
// each power of two is cut into 64:
//
//	e      = floor(log2(ns))                         position of the highest bit
//	bucket = ns                                      if ns < 128
//	bucket = (e-6)*64 + (ns >> (e-6))                otherwise
//
// and a bucket b ≥ 128 holds, with s = b/64 - 1, the 2^s durations that begin
// at (b%64 + 64) << s; its middle stands for it. The same in DuckDB over the
// calls table that "systape pair" writes, mergeable with a sum over any number
// of captures, because equal rules make equal buckets:
//
//	CREATE MACRO shift(ns) AS greatest(length(bin(ns::BIGINT)) - 7, 0);
//	CREATE MACRO bucket(ns) AS shift(ns) * 64 + (ns::BIGINT >> shift(ns));
//	SELECT syscall, bucket(dur_ns) AS bucket, count(*) AS count
//	FROM 'calls.parquet' WHERE status IN ('ok', 'restarted') GROUP BY ALL ORDER BY ALL;
//
// # Calls that had not ended
//
// A call that was still running when the capture ended, or whose thread was
// killed inside it, took at least as long as was seen. Leaving it out would
// hide the worst stall of an incident, counting it as ended would shorten it.
// Such calls are right-censored, and the percentiles are those of the
// product-limit estimator of Kaplan and Meier ([Survival]): the share of calls
// longer than t is the product, over all durations d ≤ t at which calls ended,
// of 1 - ended(d)/running(d), where running counts every call, ended or open,
// that was seen to last at least d.
//
// By hand: eight calls, of which two had not ended.
//
//	ended after   1, 2, 2, 4, 6, 9 ms      open after   3, 5 ms
//
//	t    running   ended   open    longer than t
//	1       8        1       0     1      × 7/8 = 0.875
//	2       7        2       0     0.875  × 5/7 = 0.625
//	3       5        0       1     0.625
//	4       4        1       0     0.625  × 3/4 = 0.469
//	5       3        0       1     0.469
//	6       2        1       0     0.469  × 1/2 = 0.234
//	9       1        1       0     0.234  × 0/1 = 0
//
// The median is the first t that at most half of the calls outlast: 4 ms. The
// six calls that ended would have said 2 ms, and all eight with the bounds
// taken for durations 3 ms. If the call of 9 ms had been open too, nothing
// would be known beyond 0.234: p90 would be "> 9 ms", and that is how a table
// shows it.
//
// # Memory
//
// Every type here has bounded memory however long the capture is. A table
// with too many groups joins those with the least time into one and says so.
package latency
