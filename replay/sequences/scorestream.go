package sequences

import (
	"math"
	"strconv"
)

// Metric is one number that thresholds can be set for.
type Metric struct {
	Name  string
	Value float64
	Known bool    // false: there is none, because no sequence was long enough
	most  float64 // that it can be
	least float64 // what the scores of normal units differ by on average, at least, beyond those that calibration has seen: two windows, half a bit
}

// WindowScore counts the windows of one length.
type WindowScore struct {
	N       int
	Windows int64
	Novel   int64 // not in the baseline
	Rare    int64 // in the baseline, but with less than RareShare of its windows
}

// Share returns the share of novel windows, 0 without windows.
func (w WindowScore) Share() float64 {
	if w.Windows == 0 {
		return 0
	}
	return float64(w.Novel) / float64(w.Windows)
}

// FrameScore is the worst locality frame.
type FrameScore struct {
	Size         int
	Max          int
	FromTS, ToTS int64 // the first and the last mismatch in it; zeros if Max is 0
	FromAt, ToAt int64 // positions in the stream
	PID, TID     int32
}

// StreamScore is how unusual a stream is, or all streams of a capture.
type StreamScore struct {
	PID, TID  int32
	Comm      string // the last one
	Container string
	Number    int // position of the stream in the capture, -1 for the total
	FirstTS   int64
	LastTS    int64
	Calls     int64
	Unknown   int64         // calls that the baseline has never seen
	Windows   []WindowScore // by length, ascending
	Frames    [2]FrameScore // over the longest windows
	Bits      float64       // sum over all calls
	WorstBits float64       // largest sum over 20 calls in a row, divided by 20
	WorstAt   int64         // position of the last of these
	WorstTS   int64
	Above     []Exceeded // scores above the limits for this capture
}

// Exceeded is a score above its limit for one of as many streams as the
// capture has.
type Exceeded struct {
	Metric    string  `json:"metric"`
	Value     float64 `json:"value"`
	Threshold float64 `json:"threshold"`
}

// MeanBits returns the bits for each call, 0 without calls.
func (s *StreamScore) MeanBits() float64 {
	if s.Calls == 0 {
		return 0
	}
	return s.Bits / float64(s.Calls)
}

// Metrics returns the numbers for which a calibration sets thresholds, always
// in this order: novel_3, novel_6 (shares), lfc_20, lfc_100, bits_mean,
// bits_worst20.
func (s *StreamScore) Metrics() []Metric {
	m := make([]Metric, 0, len(s.Windows)+len(s.Frames)+2)
	longest := int64(0)
	for _, w := range s.Windows {
		longest = w.Windows
		m = append(m, Metric{"novel_" + strconv.Itoa(w.N), w.Share(), w.Windows > 0, 1, max(0.002, 2/float64(max(w.Windows, 1)))})
	}
	for _, f := range s.Frames {
		m = append(m, Metric{"lfc_" + strconv.Itoa(f.Size), float64(f.Max), longest > 0, float64(f.Size), 2})
	}
	return append(m, Metric{"bits_mean", s.MeanBits(), s.Calls > 0, math.Inf(1), 0.2}, Metric{"bits_worst20", s.WorstBits, s.Calls > 0, math.Inf(1), 0.5})
}

// unusual reports whether a score is above its threshold, taken alone;
// strictly: equal is not above.
func (s *StreamScore) unusual(l *Limits) bool {
	for _, m := range s.Metrics() {
		if t, ok := l.Thresholds[m.Name]; ok && m.Known && m.Value > t {
			return true
		}
	}
	return false
}

// UnknownCall is a symbol that training never met.
type UnknownCall struct {
	Name  string
	Count int64
	First Place
	Comm  string   // of the thread that made the first one
	Calls []string // what that thread called around the first one, itself included
	At    int      // its position in Calls
	calls []ID
	id    ID
}

// add adds all of s but its Bits to t, in whatever order the streams come.
func (t *StreamScore) add(s *StreamScore) {
	if t.Calls == 0 || s.FirstTS < t.FirstTS {
		t.FirstTS = s.FirstTS
	}
	t.LastTS = max(t.LastTS, s.LastTS)
	t.Calls += s.Calls
	t.Unknown += s.Unknown
	if s.WorstBits > t.WorstBits || s.WorstBits == t.WorstBits && s.WorstTS < t.WorstTS {
		t.WorstBits, t.WorstAt, t.WorstTS = s.WorstBits, s.WorstAt, s.WorstTS
	}
	for i := range t.Windows {
		t.Windows[i].Windows += s.Windows[i].Windows
		t.Windows[i].Novel += s.Windows[i].Novel
		t.Windows[i].Rare += s.Windows[i].Rare
	}
	for i := range t.Frames {
		if f, most := &s.Frames[i], &t.Frames[i]; f.Max > most.Max || f.Max == most.Max && f.FromTS < most.FromTS {
			*most = *f
		}
	}
}
