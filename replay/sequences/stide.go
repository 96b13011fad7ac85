package sequences

import "slices"

// Locality counts mismatches among the last windows of a stream: unusual
// calls come close together, so the largest count says more than the total.
// The frame holds fewer windows at the start of a stream, and goes on over
// cuts, as in the authors' program.
type Locality struct {
	size    int
	windows int64
	recent  []mismatch // of the last size windows, oldest first
	Max     int        // mismatches in the worst frame
	FromTS  int64      // capture time of the first and of the last mismatch in it
	ToTS    int64
	FromAt  int64 // their positions in the stream, from 0: of the last call of the window
	ToAt    int64
}

// mismatch is where a window was new: its number, its time and its position.
type mismatch struct{ window, ts, at int64 }

// NewLocality returns a frame of the given number of windows.
func NewLocality(size int) *Locality { return &Locality{size: size} }

// Push adds a window that ended at the given time and position, and returns
// the number of mismatches in the frame that ends with it.
func (l *Locality) Push(new bool, ts, at int64) int {
	l.windows++
	if len(l.recent) > 0 && l.recent[0].window <= l.windows-int64(l.size) {
		l.recent = append(l.recent[:0], l.recent[1:]...)
	}
	if new {
		l.recent = append(l.recent, mismatch{l.windows, ts, at})
		if n := len(l.recent); n > l.Max {
			l.Max, l.ToTS, l.ToAt = n, ts, at
			l.FromTS, l.FromAt = l.recent[0].ts, l.recent[0].at
		}
	}
	return len(l.recent)
}

func (l *Locality) move(s *State) {
	s.Int(&l.windows)
	list(s, &l.recent, func(m *mismatch) { s.Int(&m.window); s.Int(&m.ts); s.Int(&m.at) })
	integer(s, &l.Max)
	s.Int(&l.FromTS)
	s.Int(&l.ToTS)
	s.Int(&l.FromAt)
	s.Int(&l.ToAt)
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
