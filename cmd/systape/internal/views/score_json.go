package views

import (
	"math"

	"systape/cmd/systape/internal/out"
	"systape/replay/sequences"
)

type scoreFrameJSON struct {
	Size    int   `json:"size"`
	Max     int   `json:"max"`
	FromNS  int64 `json:"from_ns"`
	ToNS    int64 `json:"to_ns"`
	FromIdx int64 `json:"from_call"`
	ToIdx   int64 `json:"to_call"`
	PID     int32 `json:"pid"`
	TID     int32 `json:"tid"`
}

type scoreStreamJSON struct {
	PID       int32                `json:"pid"`
	TID       int32                `json:"tid"`
	Comm      string               `json:"comm"`
	Container string               `json:"container"`
	FirstNS   int64                `json:"first_ns"`
	LastNS    int64                `json:"last_ns"`
	Calls     int64                `json:"calls"`
	Unknown   int64                `json:"unknown_calls"`
	Scores    map[string]float64   `json:"scores"`
	Windows   []scoreWindowJSON    `json:"windows"`
	Frames    []scoreFrameJSON     `json:"frames"`
	WorstNS   int64                `json:"bits_worst20_ns"`
	WorstIdx  int64                `json:"bits_worst20_call"`
	Above     []sequences.Exceeded `json:"above"`
}

type scoreWindowJSON struct {
	N       int   `json:"n"`
	Windows int64 `json:"windows"`
	Novel   int64 `json:"novel"`
	Rare    int64 `json:"rare"`
}

type scoreFindingJSON struct {
	PID      int32    `json:"pid"`
	TID      int32    `json:"tid"`
	Comm     string   `json:"comm"`
	FromNS   int64    `json:"from_ns"`
	ToNS     int64    `json:"to_ns"`
	FromIdx  int64    `json:"from_call"`
	ToIdx    int64    `json:"to_call"`
	Novel    int64    `json:"novel"`
	Windows  int64    `json:"windows"`
	Unknown  int64    `json:"unknown_calls"`
	Bits     float64  `json:"bits_mean"`
	Calls    []string `json:"calls"`
	More     int64    `json:"more"`
	Window   []string `json:"window"`
	WindowNS int64    `json:"window_ns"`
	Nearest  []string `json:"nearest"`
	Distance int      `json:"distance"`
}

type scoreUnknownJSON struct {
	Syscall string   `json:"syscall"`
	Count   int64    `json:"count"`
	FirstNS int64    `json:"first_ns"`
	PID     int32    `json:"first_pid"`
	TID     int32    `json:"first_tid"`
	Comm    string   `json:"first_comm"`
	Calls   []string `json:"calls"` // of the thread around it
	At      int      `json:"at"`    // its place in calls
}

type scoreLimitJSON struct {
	Metric  string   `json:"metric"`
	Capture *float64 `json:"capture"`
	Stream  *float64 `json:"stream"`
}

func scoreStream(s *sequences.StreamScore) scoreStreamJSON {
	j := scoreStreamJSON{PID: s.PID, TID: s.TID, Comm: s.Comm, Container: s.Container, FirstNS: s.FirstTS, LastNS: s.LastTS, Calls: s.Calls,
		Unknown: s.Unknown, Scores: map[string]float64{}, WorstNS: s.WorstTS, WorstIdx: s.WorstAt, Above: s.Above}
	if j.Above == nil {
		j.Above = []sequences.Exceeded{}
	}
	for _, m := range s.Metrics() {
		if m.Known {
			j.Scores[m.Name] = m.Value
		}
	}
	for _, w := range s.Windows {
		j.Windows = append(j.Windows, scoreWindowJSON{w.N, w.Windows, w.Novel, w.Rare})
	}
	for _, f := range s.Frames {
		j.Frames = append(j.Frames, scoreFrameJSON{f.Size, f.Max, f.FromTS, f.ToTS, f.FromAt, f.ToAt, f.PID, f.TID})
	}
	return j
}

func (s *Score) json() error {
	j := struct {
		Coverage any                `json:"coverage"`
		Baseline string             `json:"baseline"`
		By       string             `json:"by"`
		Verdict  bool               `json:"above"`
		Limits   any                `json:"calibration"`
		Total    scoreStreamJSON    `json:"total"`
		Ended    int64              `json:"streams_scored"`
		Alarmed  int64              `json:"streams_above"`
		Unusual  int64              `json:"streams_unusual"`
		Family   []scoreLimitJSON   `json:"limits"`
		Streams  []scoreStreamJSON  `json:"streams"`
		Unknown  []scoreUnknownJSON `json:"unknown"`
		Findings []scoreFindingJSON `json:"findings"`
	}{Coverage: s.Coverage(), Baseline: s.File, By: s.Baseline.By.String(), Limits: s.Baseline.Calibration,
		Verdict: s.Result.Above(), Ended: s.Result.Ended, Unusual: s.Result.Unusual, Family: []scoreLimitJSON{},
		Total: scoreStream(&s.Result.Total), Alarmed: s.Result.Alarmed,
		Streams: []scoreStreamJSON{}, Unknown: []scoreUnknownJSON{}, Findings: []scoreFindingJSON{}}
	for _, l := range s.Limits {
		k := scoreLimitJSON{Metric: l.Metric}
		if !math.IsInf(l.Capture, 0) {
			k.Capture = &l.Capture
		}
		if !math.IsInf(l.Stream, 0) {
			k.Stream = &l.Stream
		}
		j.Family = append(j.Family, k)
	}
	for i := range s.Result.Streams {
		j.Streams = append(j.Streams, scoreStream(&s.Result.Streams[i]))
	}
	for _, u := range s.Result.Unknown {
		j.Unknown = append(j.Unknown, scoreUnknownJSON{u.Name, u.Count, u.First.TS, u.First.PID, u.First.TID, u.Comm, u.Calls, u.At})
	}
	for i := range s.Result.Findings {
		x := &s.Result.Findings[i]
		j.Findings = append(j.Findings, scoreFindingJSON{x.PID, x.TID, x.Comm, x.FromTS, x.ToTS, x.FromAt, x.ToAt, x.Novel, x.Windows, x.Unknown,
			x.Bits, x.Calls, x.More, x.Window, x.WindowTS, x.Nearest, x.Distance})
	}
	return out.WriteJSON(s.Out, j, " ")
}
