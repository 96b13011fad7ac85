package views

import "systape/cmd/systape/internal/out"

// sequencesJSON is the form that DESIGN fixes; later keys are additions.
type sequencesJSON struct {
	Coverage    any              `json:"coverage"`
	By          string           `json:"by"`
	N           int              `json:"n"`
	Windows     int64            `json:"windows"`
	Distinct    int              `json:"distinct"`
	Sequences   []sequenceJSON   `json:"sequences"`
	Transitions []transitionJSON `json:"transitions"`

	Entropy     float64      `json:"entropy_bits"`
	EntropyRate float64      `json:"entropy_rate_bits"`
	Order       string       `json:"order"`
	Restarts    string       `json:"restarts"`
	WithErrors  bool         `json:"with_errors"`
	Streams     int64        `json:"streams"`
	Calls       int64        `json:"calls"`
	CutsLost    int64        `json:"cuts_lost"`
	CutsExec    int64        `json:"cuts_exec"`
	Threads     []threadJSON `json:"threads,omitempty"`
}

type sequenceJSON struct {
	Calls []string `json:"calls"`
	Count int64    `json:"count"`
	Share float64  `json:"share"`
	First int64    `json:"first_ns,omitempty"`
	PID   int32    `json:"first_pid,omitempty"`
	TID   int32    `json:"first_tid,omitempty"`
}

type transitionJSON struct {
	From  string  `json:"from"`
	To    string  `json:"to"`
	Count int64   `json:"count"`
	P     float64 `json:"p"`
}

type threadJSON struct {
	PID       int32  `json:"pid"`
	TID       int32  `json:"tid"`
	Comm      string `json:"comm"`
	Container string `json:"container"`
	FirstNS   int64  `json:"first_ns"`
	LastNS    int64  `json:"last_ns"`
	Calls     int64  `json:"calls"`
	Folded    string `json:"folded"`
	More      int64  `json:"more"`
}

func (s *Sequences) json() error {
	list, _ := s.list()
	calls, rate := s.Counter.Entropy()
	j := sequencesJSON{Coverage: s.Coverage(), By: s.By, N: s.N, Windows: s.Counter.Windows(), Distinct: s.Counter.Distinct(),
		Sequences: []sequenceJSON{}, Transitions: []transitionJSON{}, Entropy: calls, EntropyRate: rate, Order: "entry",
		Restarts: s.Restarts, WithErrors: s.WithErrors, Streams: s.Taken.Streams, Calls: s.Taken.Calls,
		CutsLost: s.Taken.Cuts, CutsExec: s.Taken.Programs}
	for _, q := range list {
		j.Sequences = append(j.Sequences, sequenceJSON{s.Alphabet.Names(q.IDs), q.Count, q.Share, q.First.TS, q.First.PID, q.First.TID})
	}
	for _, t := range s.Counter.Transitions() {
		j.Transitions = append(j.Transitions, transitionJSON{s.Alphabet.Name(t.From), s.Alphabet.Name(t.To), t.Count, t.P})
	}
	if s.Folds != nil {
		folded, _ := s.Folds.Streams()
		for i := range folded {
			f := &folded[i]
			text, more := f.Folder.Text(s.Alphabet, 0)
			j.Threads = append(j.Threads, threadJSON{f.PID, f.TID, f.Comm, f.Container, f.FirstTS, f.LastTS, f.Calls, text, more})
		}
	}
	return out.WriteJSON(s.Out, j, "")
}
