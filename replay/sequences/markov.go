package sequences

import "math"

// Markov predicts each call from the calls before it, as many as the order
// says and the stream has since its last cut.
type Markov struct {
	order    int
	codec    Codec
	symbols  float64           // V: the symbols of the training and one for all unknown ones
	grams    []*Table[int64]   // grams[j] counts windows of j+1 calls
	root     context           // what follows upon nothing: all calls
	contexts []*Table[context] // contexts[j-1] knows the windows of j calls
}

// context is how often calls followed upon a window, and how many distinct
// ones did.
type context struct{ total, types int64 }

// newMarkov makes the model from the counts of windows of 1 … order+1 calls.
func newMarkov(order int, c Codec, symbols int, grams []*Table[int64]) *Markov {
	m := &Markov{order: order, codec: c, symbols: float64(symbols + 1), grams: grams[:order+1]}
	for _, n := range grams[0].All() {
		m.root.total += *n
		m.root.types++
	}
	for j := 1; j <= order; j++ {
		t := NewTable[context](c, j)
		for ids, n := range grams[j].All() {
			w := c.window(ids[:j])
			if x := t.At(&w); x != nil {
				x.total += *n
				x.types++
			}
		}
		m.contexts = append(m.contexts, t)
	}
	return m
}

// context returns what followed upon the last j calls of before, nil if they
// were never seen.
func (m *Markov) context(j int, before *Window) *context {
	if j == 0 {
		if m.root.total == 0 {
			return nil
		}
		return &m.root
	}
	return m.contexts[j-1].Get(before)
}

// Bits returns -log2 of the probability of w's newest call after the calls
// before it, smoothed by Witten and Bell's method C: each order is
// interpolated with the next lower one, the lowest with 1/V.
//
//	P(c|h) = (n(hc) + T(h) P(c|h')) / (n(h) + T(h))
//
// where T(h) is the number of distinct calls seen after h, and h' is h
// without its oldest call.
func (m *Markov) Bits(w *Window) float64 {
	before := w.before(m.codec)
	p := 1 / m.symbols
	for j := 0; j <= min(m.order, w.filled-1); j++ {
		x := m.context(j, &before)
		if x == nil { // a longer context was not seen either
			break
		}
		n := 0.0
		if g := m.grams[j].Get(w); g != nil {
			n = float64(*g)
		}
		p = (n + float64(x.types)*p) / float64(x.total+x.types)
	}
	return -math.Log2(p)
}

// LaplaceBits is Bits with add-one smoothing at the model's order alone:
// P(c|h) = (n(hc) + 1) / (n(h) + V).
func (m *Markov) LaplaceBits(w *Window) float64 {
	before := w.before(m.codec)
	j := min(m.order, w.filled-1)
	n, total := 0.0, 0.0
	if x := m.context(j, &before); x != nil {
		total = float64(x.total)
	}
	if g := m.grams[j].Get(w); g != nil {
		n = float64(*g)
	}
	return -math.Log2((n + 1) / (total + m.symbols))
}
