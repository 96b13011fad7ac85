package sequences

import "slices"

// Locality counts mismatches among the last windows of a stream: unusual
// calls come close together, so the largest count says more than the total.
// The frame holds fewer windows at the start of a stream, and goes on over
// cuts, as in the authors' program.
type Locality struct {
	size   int
	ring   []frameSlot
	next   int
	count  int
	Max    int   // mismatches in the worst frame
	FromTS int64 // capture time of the first and of the last mismatch in it
	ToTS   int64
	FromAt int64 // their positions in the stream, from 0: of the last call of the window
	ToAt   int64
}

type frameSlot struct {
	ts, at   int64
	mismatch bool
}

// NewLocality returns a frame of the given number of windows.
func NewLocality(size int) *Locality { return &Locality{size: size} }

// Push adds a window that ended at the given time and position, and returns
// the number of mismatches in the frame that ends with it.
func (l *Locality) Push(mismatch bool, ts, at int64) int {
	if len(l.ring) < l.size {
		l.ring = append(l.ring, frameSlot{ts, at, mismatch})
	} else {
		if l.ring[l.next].mismatch {
			l.count--
		}
		l.ring[l.next] = frameSlot{ts, at, mismatch}
	}
	l.next = (l.next + 1) % l.size
	if mismatch {
		l.count++
		if l.count > l.Max {
			l.Max, l.ToTS, l.ToAt = l.count, ts, at
			first := l.first()
			l.FromTS, l.FromAt = first.ts, first.at
		}
	}
	return l.count
}

// first returns the oldest mismatch of the frame.
func (l *Locality) first() frameSlot {
	n := len(l.ring)
	start := 0
	if n == l.size {
		start = l.next
	}
	for i := range n {
		if s := l.ring[(start+i)%n]; s.mismatch {
			return s
		}
	}
	return frameSlot{}
}

// Nearest returns the baseline's window of n calls that differs from ids in
// the fewest positions (Hamming distance), and in how many; nil and n when it
// has none. Among equally near ones it is the most frequent, then the first
// by name. It looks at every window of the baseline, so it is meant for the
// few windows that are shown. IDs are those of [Baseline.Alphabet].
func (b *Baseline) Nearest(n int, ids []ID) (nearest []ID, distance int) {
	if n < 1 || n > len(b.tables) || b.tables[n-1] == nil {
		return nil, n
	}
	return nearestIn(b.tables[n-1], b.alphabet, ids)
}

func nearestIn(t *Table[int64], a *Alphabet, ids []ID) (nearest []ID, distance int) {
	distance = len(ids) + 1
	var count int64
	for known, n := range t.All() {
		d := 0
		for i := range known {
			if known[i] != ids[i] {
				d++
			}
		}
		if d < distance || d == distance && (*n > count || *n == count && compareNames(a, known, nearest) < 0) {
			distance, count = d, *n
			nearest = append(nearest[:0], known...)
		}
	}
	if nearest == nil {
		return nil, len(ids)
	}
	return slices.Clone(nearest), distance
}

// LookAhead is the oldest of the models: the set of pairs (call, later call,
// distance) for distances up to its width, inside one sequence.
type LookAhead struct {
	width int
	pairs map[lookAheadPair]struct{}
}

type lookAheadPair struct {
	a, b     ID
	distance uint8
}

// NewLookAhead returns an empty model of pairs at most width calls apart.
func NewLookAhead(width int) *LookAhead {
	return &LookAhead{width: width, pairs: map[lookAheadPair]struct{}{}}
}

// Train adds the pairs of one sequence.
func (l *LookAhead) Train(ids []ID) {
	for i := range ids {
		for d := 1; d <= l.width && i+d < len(ids); d++ {
			l.pairs[lookAheadPair{ids[i], ids[i+d], uint8(d)}] = struct{}{}
		}
	}
}

// Len returns the number of distinct pairs.
func (l *LookAhead) Len() int { return len(l.pairs) }

// Score returns how many pairs of a sequence there are and how many of them
// the model does not have.
func (l *LookAhead) Score(ids []ID) (unknown, pairs int) {
	for i := range ids {
		for d := 1; d <= l.width && i+d < len(ids); d++ {
			pairs++
			if _, ok := l.pairs[lookAheadPair{ids[i], ids[i+d], uint8(d)}]; !ok {
				unknown++
			}
		}
	}
	return unknown, pairs
}
