package sequences

import (
	"fmt"
	"math"
	"slices"
)

// Calibration is what normal captures score that were not used for training.
// A score above a threshold is higher than the chosen share of these.
type Calibration struct {
	Quantile float64  `json:"quantile"`
	Method   string   `json:"method"` // "nearest rank": the smallest value that at least Quantile of all do not exceed
	Captures Limits   `json:"captures"`
	Streams  Limits   `json:"streams"`
	Lessons  []Lesson `json:"sources"`
}

// Limits are the thresholds for one kind of unit, taken one at a time.
type Limits struct {
	Count      int                `json:"count"`  // units that were scored
	Enough     bool               `json:"enough"` // at least 1/(1-Quantile): with fewer the threshold is just the largest value seen
	Thresholds map[string]float64 `json:"thresholds"`
	Tails      map[string]Tail    `json:"tails,omitempty"` // the same further out; see [Tail.At]
}

// Needed returns how many units a quantile needs to differ from the maximum.
func Needed(quantile float64) int { return int(math.Ceil(1/(1-quantile) - 1e-9)) }

// Calibrator collects the scores of normal captures.
type Calibrator struct {
	quantile float64
	captures map[string][]float64
	streams  map[string][]float64
	lessons  []Lesson
	nc, ns   int
}

// maxCalibrationStreams bounds the memory of a calibration.
const maxCalibrationStreams = 1 << 20

// NewCalibrator returns a calibrator for a quantile between 0 and 1, both
// excluded.
func NewCalibrator(quantile float64) (*Calibrator, error) {
	if !(quantile > 0 && quantile < 1) {
		return nil, fmt.Errorf("quantile %v: want more than 0 and less than 1", quantile)
	}
	return &Calibrator{quantile: quantile, captures: map[string][]float64{}, streams: map[string][]float64{}}, nil
}

// Stream adds the score of one stream. It is meant for [ScoreOptions.OnStream].
func (c *Calibrator) Stream(s *StreamScore) {
	if c.ns >= maxCalibrationStreams {
		return
	}
	c.ns++
	collect(c.streams, s)
}

// Capture adds the score of a whole capture.
func (c *Calibrator) Capture(s *StreamScore, src Lesson) {
	c.nc++
	collect(c.captures, s)
	src.Calls = s.Calls
	c.lessons = append(c.lessons, src)
}

func collect(values map[string][]float64, s *StreamScore) {
	for _, m := range s.Metrics() {
		if m.Known {
			values[m.Name] = append(values[m.Name], m.Value)
		}
	}
}

// Result returns the thresholds.
func (c *Calibrator) Result() *Calibration {
	need := Needed(c.quantile)
	limits := func(n int, values map[string][]float64) Limits {
		l := Limits{Count: n, Enough: n >= need, Thresholds: map[string]float64{}}
		l.Tails = map[string]Tail{}
		for name, v := range values {
			slices.Sort(v)
			l.Thresholds[name], l.Tails[name] = nearestRank(v, c.quantile), newTail(v)
		}
		return l
	}
	return &Calibration{Quantile: c.quantile, Method: "nearest rank", Captures: limits(c.nc, c.captures),
		Streams: limits(c.ns, c.streams), Lessons: c.lessons}
}

// nearestRank returns the value at rank ceil(q·n), counted from 1, of the
// ascending values.
func nearestRank(v []float64, q float64) float64 {
	i := int(math.Ceil(q*float64(len(v))-1e-9)) - 1
	return v[min(max(i, 0), len(v)-1)]
}
