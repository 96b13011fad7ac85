package main

import (
	"systape/format"
	"systape/replay"
	"systape/replay/files"
)

// copyStart is what is known of descriptors and directories where a copy
// begins, so that it can be read alone as the capture can.
type copyStart struct {
	at    int64 // capture time
	known []files.Known
	names map[int32]*copyNames // of the processes that the copy has calls of
	seq   int64                // of the last row that was written before; -1: none
}

type copyNames struct{ comm, container string }

// learn notes of which processes there are calls, and what they are called.
func (s *copyStart) learn(calls []replay.Call, symbols *format.SymbolTable) {
	for i := range calls {
		if c := &calls[i]; s.names[c.PID] == nil {
			s.names[c.PID] = &copyNames{symbols.String(c.Comm), symbols.String(c.Container)}
		}
	}
}

// tell appends rows of what is known to those that the copy keeps. They take the
// places in the capture of rows before seq that the copy leaves out; what there is no
// place for is left out, and that are descriptors before all else.
func (s *copyStart) tell(kept *format.Batch, symbols *format.SymbolTable, seq int64) {
	var rows []*files.Known
	for i := range s.known {
		if s.names[s.known[i].PID] != nil {
			rows = append(rows, &s.known[i])
		}
	}
	last := s.seq
	if kept.N > 0 {
		last = kept.Seq[kept.N-1]
	}
	rows = rows[:max(min(int64(len(rows)), seq-last-1), 0)]
	kept.Symbols = symbols
	for i, k := range rows {
		of := s.names[k.PID]
		kept.Append(format.Event{TS: s.at, Seq: seq - int64(len(rows)-i), Kind: format.FD, PID: k.PID, TID: k.TID, Nr: -1,
			Args: [6]int64{format.FDNumber: k.Number, format.FDFlags: k.Flags}, Detail: k.Name, Comm: of.comm, Container: of.container})
	}
}
