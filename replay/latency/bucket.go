package latency

import "math/bits"

// The bucket rule. Durations below 2·Precision nanoseconds have a bucket
// each; above, every power of two is cut into Precision buckets of equal
// width. It is the contract between this program, SQL and other hosts: two
// histograms made by it add up bucket by bucket.
const (
	// Precision is the number of buckets in a power of two.
	Precision = 64
	// NumBuckets is one more than the bucket of the longest duration, 2⁶³-1 ns.
	NumBuckets = 58 * Precision
	// MaxRelativeError bounds how far a value that stands for a bucket
	// ([BucketValue]) is from any duration in it, relative to that duration.
	MaxRelativeError = 1.0 / (2 * Precision)
)

const octaveShift = 6 // log2 of Precision

// Bucket returns the bucket of a duration: the duration itself below 128 ns,
// and above that (e-6)·64 + ns>>(e-6), where e is the position of the highest
// set bit. A negative duration counts as 0.
func Bucket(ns int64) int {
	u := uint64(max(ns, 0))
	s := bits.Len64(u|Precision) - (octaveShift + 1)
	return s<<octaveShift + int(u>>s)
}

// BucketRange returns the first duration of a bucket and the number of
// different durations in it.
func BucketRange(bucket int) (low, width int64) {
	if bucket < 2*Precision {
		return int64(bucket), 1
	}
	s := bucket>>octaveShift - 1
	return int64(bucket&(Precision-1)|Precision) << s, 1 << s
}

// BucketValue returns the duration that stands for a bucket in percentiles:
// its middle, at most [MaxRelativeError] away from every duration in it.
func BucketValue(bucket int) int64 {
	low, width := BucketRange(bucket)
	return low + width>>1
}
