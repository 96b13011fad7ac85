package sequences

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

const (
	maxPeriod = 32      // longest loop body that is found, in items
	maxItems  = 4096    // items of one stream that are kept
	maxBodies = 1 << 14 // distinct loop bodies of one stream that are kept
)

// Folder writes a stream down with its loops folded: poll read write poll
// read write becomes (poll read write)×2, and loops may hold loops. Nothing
// is lost or made alike: [Folder.Expand] gives the calls back.
//
// It works on the calls as they come: after each one, the end of the list is
// compared with what stands before it. The list is bounded, at 4,096 items
// after folding; what comes when it is full is only counted.
type Folder struct {
	items  []item
	bodies [][]item
	byKey  map[string]int32
	key    []byte
	more   int64
	limit  int
	inside int // items in bodies
}

// item is a symbol (count 1) or a loop, whose body then is -1-what; what 0
// is a break.
type item struct {
	what  int32
	count int64
}

// NewFolder returns an empty folder.
func NewFolder() *Folder { return newFolder(0) }

func newFolder(limit int) *Folder {
	if limit == 0 {
		limit = maxItems
	}
	return &Folder{limit: limit}
}

// Push appends a call.
func (f *Folder) Push(id ID) {
	if len(f.items) >= f.limit || len(f.bodies) >= maxBodies {
		f.more++
		return
	}
	f.items = append(f.items, item{int32(id), 1})
	for f.fold() {
	}
}

// Break marks a place where the stream is cut; no loop goes over it.
func (f *Folder) Break() {
	if n := len(f.items); n > 0 && f.items[n-1].what != 0 && n < f.limit {
		f.items = append(f.items, item{0, 1})
	}
}

// More returns how many calls came after the list was full.
func (f *Folder) More() int64 { return f.more }

// fold folds the end of the list once, if it can.
func (f *Folder) fold() bool {
	n := len(f.items)
	for p := 1; p <= maxPeriod && p < n; p++ {
		tail := f.items[n-p:]
		if tail[0].what == 0 {
			return false
		}
		// one more round of the loop before it
		if l := &f.items[n-p-1]; l.what < 0 {
			if body := f.bodies[-1-l.what]; len(body) == p && sameItems(body, tail) {
				l.count++
				f.items = f.items[:n-p]
				return true
			}
		}
		if 2*p > n || f.items[n-1-p] != f.items[n-1] || !sameItems(f.items[n-2*p:n-p], tail) {
			continue
		}
		if p == 1 && tail[0].what < 0 { // (a b)×3 (a b)×3 is (a b)×6
			f.items[n-2].count *= 2
			f.items = f.items[:n-1]
			return true
		}
		body := f.body(tail)
		f.items = append(f.items[:n-2*p], item{-1 - body, 2})
		return true
	}
	return false
}

// body returns the number of a loop body; equal bodies have equal numbers.
func (f *Folder) body(items []item) int32 {
	f.key = f.key[:0]
	for _, it := range items {
		f.key = strconv.AppendInt(f.key, int64(it.what), 36)
		f.key = append(f.key, '*')
		f.key = strconv.AppendInt(f.key, it.count, 36)
		f.key = append(f.key, ' ')
	}
	i, ok := f.byKey[string(f.key)]
	if !ok {
		i = int32(len(f.bodies))
		f.bodies = append(f.bodies, append([]item(nil), items...))
		if f.byKey == nil {
			f.byKey = map[string]int32{}
		}
		f.byKey[string(f.key)] = i
		f.inside += len(items)
	}
	return i
}

// held returns about how many bytes the folder takes.
func (f *Folder) held() int64 {
	return 192 + 16*int64(cap(f.items)) + 100*int64(len(f.bodies)) + 24*int64(f.inside)
}

func (f *Folder) move(s *State) {
	one := func(it *item) { integer(s, &it.what); s.Int(&it.count) }
	list(s, &f.items, one)
	bodies := f.bodies
	if s.Reading() {
		bodies, f.bodies = nil, nil
	}
	list(s, &bodies, func(b *[]item) {
		list(s, b, one)
		if s.Reading() {
			f.body(*b)
		}
	})
	s.Int(&f.more)
	integer(s, &f.limit)
}

func sameItems(a, b []item) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// Expand gives the calls that were folded back, with 0 for a break, to yield
// until it says no.
func (f *Folder) Expand(yield func(ID) bool) { f.expand(f.items, yield) }

func (f *Folder) expand(items []item, yield func(ID) bool) bool {
	for _, it := range items {
		for range it.count {
			if it.what < 0 {
				if !f.expand(f.bodies[-1-it.what], yield) {
					return false
				}
			} else if !yield(ID(it.what)) {
				return false
			}
		}
	}
	return true
}

// Text returns the folded calls in words, about limit bytes of them at most
// (0 means all), and how many items and calls that leaves out.
func (f *Folder) Text(a *Alphabet, limit int) (text string, more int64) {
	var b strings.Builder
	for i, it := range f.items {
		if limit > 0 && b.Len() >= limit {
			for _, rest := range f.items[i:] {
				more += f.length(rest)
			}
			break
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		f.write(&b, a, it)
	}
	return b.String(), more + f.more
}

// Loop is a loop of a stream, wherever it occurs in it.
type Loop struct {
	Text  string // with its rounds: (poll read write)×592
	Times int64  // rounds in all
	Calls int64  // calls in all
}

// Loops returns the n loops that hold the most calls. Loops inside loops are
// part of these.
func (f *Folder) Loops(a *Alphabet, n int) []Loop {
	byBody := map[int32]*Loop{}
	var list []*Loop
	var bodies []int32
	for _, it := range f.items {
		if it.what >= 0 {
			continue
		}
		l := byBody[it.what]
		if l == nil {
			l = &Loop{}
			byBody[it.what] = l
			list = append(list, l)
			bodies = append(bodies, it.what)
		}
		l.Times += it.count
		l.Calls += f.length(it)
	}
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(x, y int) int { return cmp.Compare(list[y].Calls, list[x].Calls) })
	out := make([]Loop, 0, n)
	for _, i := range order[:min(n, len(order))] {
		var b strings.Builder
		f.write(&b, a, item{bodies[i], list[i].Times})
		list[i].Text = b.String()
		out = append(out, *list[i])
	}
	return out
}

func (f *Folder) write(b *strings.Builder, a *Alphabet, it item) {
	if it.what == 0 {
		b.WriteByte('|')
		return
	}
	if it.what > 0 {
		b.WriteString(a.Name(ID(it.what)))
		return
	}
	body := f.bodies[-1-it.what]
	if len(body) > 1 {
		b.WriteByte('(')
	}
	for i, inner := range body {
		if i > 0 {
			b.WriteByte(' ')
		}
		f.write(b, a, inner)
	}
	if len(body) > 1 {
		b.WriteByte(')')
	}
	b.WriteString("×")
	b.WriteString(strconv.FormatInt(it.count, 10))
}

// length returns how many calls an item stands for.
func (f *Folder) length(it item) int64 {
	switch {
	case it.what == 0:
		return 0
	case it.what > 0:
		return it.count
	}
	n := int64(0)
	for _, inner := range f.bodies[-1-it.what] {
		n += f.length(inner)
	}
	return n * it.count
}

// FoldNames folds one short list of names, such as a window.
func FoldNames(names []string) string {
	a, f := NewAlphabet(), NewFolder()
	for _, n := range names {
		f.Push(a.ID(n))
	}
	text, _ := f.Text(a, 0)
	return text
}
