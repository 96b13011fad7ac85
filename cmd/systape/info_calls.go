package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
)

// infoDenied is how often one process was refused one call.
type infoDenied struct {
	PID     int32  `json:"pid"`
	Comm    string `json:"comm"`
	Syscall string `json:"syscall"`
	Errno   string `json:"errno"`
	Count   int64  `json:"count"`
}

// infoCalls is what info tells about the calls of a capture: what became of
// them, who was refused what, and whether io_uring hides some of the work.
type infoCalls struct {
	Coverage replay.Coverage `json:"coverage"`
	Denied   []infoDenied    `json:"denied"`
	IOUring  string          `json:"io_uring,omitempty"`
}

// infoPair pairs the capture, and reads every column on the way: what info says
// of a capture it must have seen. A capture that cannot be paired to its end is
// told by the error.
func infoPair(c *cobra.Command, paths []string, stdin io.Reader) (*infoCalls, error) {
	s, err := replay.Open(paths, replay.Options{Columns: format.AllColumns, Stdin: stdin})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var notes replay.Notes
	if err := s.Each(c.Context(), func(calls []replay.Call) error { notes.Add(calls); return nil }); err != nil {
		return nil, err
	}
	r := &infoCalls{Coverage: s.Coverage(), IOUring: notes.IOUring(), Denied: []infoDenied{}}
	for _, d := range notes.DeniedByProcess() {
		e := ""
		if d.Errno != 0 {
			e = abi.ErrnoName(abi.X86_64, d.Errno)
		}
		r.Denied = append(r.Denied, infoDenied{d.PID, s.Symbols().String(d.Comm), s.Symbols().String(d.Syscall), e, d.Count})
	}
	return r, nil
}

// lines tells the same in words, under the names of info's table. Refused
// calls are told for the most concerned processes.
func (r *infoCalls) lines(line func(name, text string, args ...any)) {
	const processes = 5
	line("calls", "%s", r.Coverage.String())
	type process struct {
		pid  int32
		comm string
	}
	var order []process
	texts, sums := map[process][]string{}, map[process]int64{}
	for _, d := range r.Denied {
		p := process{d.PID, d.Comm}
		if texts[p] == nil {
			order = append(order, p)
		}
		sums[p] += d.Count
		text := d.Syscall
		if d.Errno != "" {
			text += " " + d.Errno
		}
		texts[p] = append(texts[p], fmt.Sprintf("%s ×%d", text, d.Count))
	}
	slices.SortStableFunc(order, func(a, b process) int { return int(min(max(sums[b]-sums[a], -1), 1)) })
	for i, p := range order {
		if i == processes {
			line("denied", "and %d processes more", len(order)-processes)
			break
		}
		line("denied", "%d %s: %s", p.pid, p.comm, strings.Join(texts[p], ", "))
	}
	line("io_uring", "%s", strings.TrimPrefix(r.IOUring, "io_uring is "))
}
