package replay

import (
	"cmp"
	"errors"
	"slices"

	"systape/format"
	"systape/format/abi"
	"systape/replay/files"
)

// followColumns are what following descriptors needs.
const followColumns = format.ColTS | format.ColSeq | format.ColKind | format.ColPID | format.ColTID | format.ColABI | format.ColNr |
	format.ColRet | format.ColArgs | format.ColDetail

// following gives calls what they name, and keeps it for the rows of a batch.
type following struct {
	*files.Follower
	late  []Loss // told later than they happened, in the order of their beginnings
	named []*files.Named

	noteAt int64                // capture time; 0: nothing is to be noted
	asked  func(pid int32) bool // of which processes
	noted  []files.Known
	whole  bool // noted is all that is needed
}

func newFollowing(m *format.Meta, late []Loss) *following {
	late = slices.SortedFunc(slices.Values(late), func(a, b Loss) int { return cmp.Compare(a.First, b.First) })
	return &following{Follower: files.NewFollower(m), late: late}
}

// batch takes a batch and the calls that ended in it, in the order of their
// ends, and sets [Call.Files].
func (f *following) batch(b *format.Batch, calls []Call) {
	f.named = append(f.named[:0], make([]*files.Named, b.N)...)
	for i := range b.N {
		if f.noteAt != 0 && b.TS[i] >= f.noteAt {
			f.noted, f.whole = f.Known(f.asked)
			f.noteAt = 0
		}
		for len(f.late) > 0 && f.late[0].First <= b.TS[i] {
			f.Lost(f.late[0].Last, false)
			f.late = f.late[1:]
		}
		for len(calls) > 0 && calls[0].EndSeq <= b.Seq[i] {
			tid := calls[0].TID
			if b.Kind[i] == format.Exit && calls[0].EndSeq == b.Seq[i] {
				tid = b.TID[i] // another than at its enter, after execve
			}
			f.call(tid, &calls[0])
			calls = calls[1:]
		}
		f.named[i] = f.Row(b, i)
	}
	f.rest(calls)
}

// rest takes calls that no row ended.
func (f *following) rest(calls []Call) {
	for i := range calls {
		f.call(calls[i].TID, &calls[i])
	}
}

func (f *following) call(tid int32, c *Call) {
	if c.EnterSeq < 0 || abi.RefsOf(c.ABI, c.Nr) == (abi.Refs{}) && !f.Affects(c.ABI, c.Nr) {
		return
	}
	returned := (c.Status == OK || c.Status == Restarted) && c.HasResult()
	c.Files = f.End(tid, &files.Ended{EnterSeq: c.EnterSeq, Args: c.Args, Ret: c.Ret, Told: c.Told, Nr: c.Nr, ABI: c.ABI,
		Returned: returned, Failed: c.Status == Restarted || c.Errno() != 0})
}

// Named returns what the enter of row i of the batch at hand names, during a
// pass that follows descriptors; nil otherwise.
func (s *Session) Named(i int) *files.Named {
	if s.follow == nil || i >= len(s.follow.named) {
		return nil
	}
	return s.follow.named[i]
}

// NoteFiles asks the pass, which must follow descriptors ([Options.Files]), to
// note what is known of them in the processes that asked chooses before the
// first row of capture time at or later.
func (s *Session) NoteFiles(at int64, asked func(pid int32) bool) { s.noteAt, s.asked = at, asked }

// NotedFiles returns after the pass what [Session.NoteFiles] asked for. ok is
// false where nothing can be followed from there on.
func (s *Session) NotedFiles() (known []files.Known, ok bool) {
	if s.follow == nil || s.follow.noteAt != 0 { // the pass did not come that far
		return nil, true
	}
	return s.follow.noted, s.follow.whole
}

// WarnUnknownFiles says, after a pass, why nothing or little is known of what
// calls are about, if that is so.
func (s *Session) WarnUnknownFiles() {
	if s.follow == nil {
		return
	}
	m := s.Meta()
	switch n := s.follow.Counts(); {
	case n.Asked == 0:
	case !s.follow.Follows():
		s.Warn(errors.New("what descriptors stand for is not known: the recording left out threads, or calls that close and replace them"))
	case m.Request.Paths == "" && m.Imported == nil:
		s.Warn(errors.New("paths are not known: the capture was recorded without --paths"))
	case m.Request.Paths == "failed":
		s.Warn(errors.New("only paths of calls that failed are known: the capture was recorded with --paths=failed"))
	}
}
