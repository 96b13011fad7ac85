package picture

import (
	"math"
	"slices"
)

// LogScale maps durations in nanoseconds to positions, by decades.
type LogScale struct {
	From, To  float64 // positions of the ends
	low, high float64 // log10 of the ends
}

// NewLogScale returns a scale of whole decades, one at least, that holds low
// and high.
func NewLogScale(low, high int64, from, to float64) LogScale {
	l := math.Floor(math.Log10(float64(max(low, 1))))
	h := math.Ceil(math.Log10(float64(max(high, 2))))
	return LogScale{from, to, l, max(h, l+1)}
}

// At returns the position of a duration; what lies beyond an end is at it.
func (l LogScale) At(ns int64) float64 {
	x := math.Log10(float64(max(ns, 1)))
	x = min(max(x, l.low), l.high)
	return l.From + (x-l.low)/(l.high-l.low)*(l.To-l.From)
}

// Decades returns the powers of ten on the scale.
func (l LogScale) Decades() (ns []int64) {
	for e := l.low; e <= l.high && e < 19; e++ {
		ns = append(ns, int64(math.Round(math.Pow(10, e))))
	}
	return ns
}

// RowScale maps values to positions on an axis of rows of equal height, such
// as those of a grid of cells: a value stands where its cell is, whatever the
// rows hold. Within a row positions are linear.
type RowScale struct {
	From, To float64 // positions of the first row's beginning and the last one's end
	Low      []int64 // lowest value of each row, and the end of the last
}

// At returns the position of a value, ok false if no row holds it. The end of
// the last row is on the scale.
func (s RowScale) At(v int64) (pos float64, ok bool) {
	rows := len(s.Low) - 1
	if rows < 1 || v < s.Low[0] || v > s.Low[rows] {
		return 0, false
	}
	i, found := slices.BinarySearch(s.Low, v)
	row := float64(i)
	if !found {
		low, high := s.Low[i-1], s.Low[i]
		row = float64(i-1) + float64(v-low)/float64(high-low)
	}
	return s.From + row/float64(rows)*(s.To-s.From), true
}

// Decades returns the powers of ten on the scale.
func (s RowScale) Decades() (ns []int64) {
	for d := int64(1); d > 0 && d <= s.Low[len(s.Low)-1]; d *= 10 {
		if d >= s.Low[0] {
			ns = append(ns, d)
		}
		if d > math.MaxInt64/10 {
			break
		}
	}
	return ns
}
