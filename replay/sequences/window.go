package sequences

// MaxN is the longest window that is counted.
const MaxN = 10

// Window holds the last calls of a stream: at most MaxN, and none from
// before the last cut. The zero Window is empty; one window serves tables of
// every length.
type Window struct {
	ids    [MaxN]ID // newest last
	filled int      // valid entries, counted from the end
	narrow int      // how many of the newest ids fit the codec, without a gap; key is right for these
	key    uint64   // the newest ids, bits each, as the tables of one codec pack them
}

// Push appends a call. The codec is the one of the tables that the window is
// looked up in.
func (w *Window) Push(c Codec, id ID) {
	copy(w.ids[:], w.ids[1:])
	w.ids[MaxN-1] = id
	w.key = w.key<<c.bits | uint64(id)
	if w.filled < MaxN {
		w.filled++
	}
	if !c.fits(id) {
		w.narrow = 0
	} else if w.narrow < MaxN {
		w.narrow++
	}
}

// Reset empties the window.
func (w *Window) Reset() { *w = Window{} }

// Filled returns how many calls the window holds, at most MaxN.
func (w *Window) Filled() int { return w.filled }

// Last returns the newest n calls, oldest first. The slice is valid until
// the next Push.
func (w *Window) Last(n int) []ID { return w.ids[MaxN-n:] }

// before returns the window as it was before its newest call: that call's
// context, of at most MaxN-1 calls.
func (w *Window) before(c Codec) Window {
	if w.narrow == 0 {
		return c.window(w.ids[MaxN-w.filled : MaxN-1])
	}
	d := Window{filled: w.filled - 1, narrow: w.narrow - 1, key: w.key >> c.bits}
	copy(d.ids[1:], w.ids[:MaxN-1])
	return d
}

// Codec says how windows are packed into 64 bits: the same number of bits
// for every call, so that the key of a shorter window is a suffix of the
// longer one's.
type Codec struct{ bits uint }

// NewCodec returns the codec for windows of up to n calls: 10 bits, or 1,023
// symbols, for 6 calls. Alphabets that outgrow it are handled by the tables.
func NewCodec(n int) Codec { return Codec{bits: uint(64 / max(n, 2))} }

func (c Codec) fits(id ID) bool { return uint64(id) < 1<<c.bits }

func (c Codec) mask(n int) uint64 {
	if b := c.bits * uint(n); b < 64 {
		return 1<<b - 1
	}
	return ^uint64(0)
}

// window returns the window that ids make.
func (c Codec) window(ids []ID) Window {
	var w Window
	for _, id := range ids {
		w.Push(c, id)
	}
	return w
}
