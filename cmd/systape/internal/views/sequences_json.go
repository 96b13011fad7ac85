package views

import "systape/cmd/systape/internal/out"

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

// json writes the form that others build on: keys are added at the end and
// never changed. Lists are written one by one.
func (s *Sequences) json() error {
	calls, rate := s.Counter.Entropy()
	o := out.NewObject(s.Out)
	o.Key("coverage", s.Coverage())
	o.Key("by", s.By)
	o.Key("n", s.N)
	o.Key("windows", s.Counter.Windows())
	o.Key("distinct", s.Counter.Distinct())
	o.List("sequences", func(add func(any)) {
		all, _ := s.each()
		for q := range all {
			add(sequenceJSON{s.Alphabet.Names(q.IDs), q.Count, q.Share, q.First.TS, q.First.PID, q.First.TID})
		}
	})
	o.List("transitions", func(add func(any)) {
		for _, t := range s.Counter.Transitions() {
			add(transitionJSON{s.Alphabet.Name(t.From), s.Alphabet.Name(t.To), t.Count, t.P})
		}
	})
	o.Key("entropy_bits", known(&calls, s.Taken.Calls > 0))
	o.Key("entropy_rate_bits", known(&rate, s.Taken.Calls > 1))
	o.Key("order", "entry")
	o.Key("restarts", s.Restarts)
	o.Key("with_errors", s.WithErrors)
	o.Key("streams", s.Taken.Streams)
	o.Key("calls", s.Taken.Calls)
	o.Key("cuts_lost", s.Taken.Cuts)
	o.Key("cuts_exec", s.Taken.Programs)
	o.Key("path_symbols", append([]string{}, s.Paths...))
	if s.Folds != nil {
		o.List("threads", func(add func(any)) {
			for f := range s.Folds.Streams() {
				text, more := f.Folder.Text(s.Alphabet, 0)
				add(threadJSON{f.PID, f.TID, f.Comm, f.Container, f.FirstTS, f.LastTS, f.Calls, text, more})
			}
		})
	}
	return o.Close()
}
