package replay

import "systape/format"

// mark handles a row in which the capture tells of itself. Without the columns
// it tells nothing, which is enough where nothing was lost and the metadata
// has the instants.
func (p *Pairer) mark(b *format.Batch, i int, out []Call) ([]Call, error) {
	if min(len(b.Args[format.MarkWhat]), len(b.Args[format.MarkFirst]), len(b.Args[format.MarkLast])) < b.N {
		return out, nil
	}
	first, last := b.Args[format.MarkFirst][i], b.Args[format.MarkLast][i]
	switch format.MarkOf(b.Args[format.MarkWhat][i]) {
	case format.EntersStopped:
		p.end = min(p.end, first)
		return p.letGo(out), nil
	case format.ExitsStopped:
		p.exitsEnd = first
	case format.EntersBegan:
		p.begin, p.loss.marked = last, !p.partial
	case format.ThreadLost:
		t := p.threads.get(b.TID[i])
		if t == nil {
			return out, p.tooMany("threads", maxThreads)
		}
		p.forget(t) // what continues an interrupted call may be among the lost
		t.flags |= flagLost
	}
	return out, nil
}
