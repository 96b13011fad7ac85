package graph

import (
	"cmp"
	"math"
	"slices"
)

// layout places the graph in layers, in Sugiyama's way: (1) turn edges round
// until there are no cycles, (2) give every node a layer below those of all
// its predecessors, (3) put a bend into every layer that an edge passes,
// (4) order each layer so that few edges cross, (5) move nodes sideways to
// where their neighbours are.
type layout struct {
	items  []place // the graph's nodes, then the bends
	layers [][]int // positions in items, from left to right
	routes []route // by edge
	width  float64
	height float64
}

type place struct {
	node  int // -1: a bend
	layer int
	x, y  float64 // centre
	w, h  float64
	right float64 // room for an edge to itself
	up    []link
	down  []link
}

type link struct {
	to     int
	weight float64
}

// route is the way of an edge, from its From to its To.
type route struct {
	loop   bool
	back   bool // runs against the layers
	points []point
}

type point struct{ x, y float64 }

const (
	nodeGap  = 34.0
	bendGap  = 14.0
	bendSize = 4.0
	layerGap = 62.0
)

// arrange computes the layout for nodes of the given sizes.
func arrange(g *Graph, size func(int) (w, h float64)) *layout {
	l := &layout{}
	for i := range g.Nodes {
		w, h := size(i)
		l.items = append(l.items, place{node: i, w: w, h: h})
	}
	for _, e := range g.Edges {
		if e.From == e.To {
			l.items[e.From].right = 26
		}
	}
	reversed := l.breakCycles(g)
	l.assignLayers(g, reversed)
	chains := l.addBends(g, reversed)
	l.order()
	l.position()
	l.route(g, reversed, chains)
	return l
}

// breakCycles finds the edges to turn round: those that run backwards in an
// order which, step by step, takes the node whose outgoing edges outweigh its
// incoming ones most (Eades, Lin, Smyth 1993).
func (l *layout) breakCycles(g *Graph) []bool {
	n := len(g.Nodes)
	balance := make([]float64, n)
	for _, e := range g.Edges {
		if e.From != e.To {
			balance[e.From] += float64(e.Count)
			balance[e.To] -= float64(e.Count)
		}
	}
	pos := make([]int, n)
	done := make([]bool, n)
	for at := range n {
		best := -1
		for i := range n {
			if done[i] || i == End && at < n-1 {
				continue
			}
			if best < 0 || i == Start || best != Start && balance[i] > balance[best] {
				best = i
			}
		}
		done[best], pos[best] = true, at
		for _, e := range g.Edges {
			switch {
			case e.From == e.To:
			case e.From == best && !done[e.To]:
				balance[e.To] += float64(e.Count)
			case e.To == best && !done[e.From]:
				balance[e.From] -= float64(e.Count)
			}
		}
	}
	reversed := make([]bool, len(g.Edges))
	for i, e := range g.Edges {
		reversed[i] = pos[e.From] > pos[e.To]
	}
	return reversed
}

// assignLayers gives every node the first layer below its predecessors, and
// then moves nodes down to where their edges are shortest.
func (l *layout) assignLayers(g *Graph, reversed []bool) {
	type arc struct {
		from, to int
		weight   float64
	}
	var arcs []arc
	for i, e := range g.Edges {
		if e.From == e.To {
			continue
		}
		a := arc{e.From, e.To, 1 + math.Log1p(float64(e.Count))}
		if reversed[i] {
			a.from, a.to = a.to, a.from
		}
		arcs = append(arcs, a)
	}
	for changed, rounds := true, 0; changed && rounds <= len(g.Nodes); rounds++ {
		changed = false
		for _, a := range arcs {
			if l.items[a.to].layer <= l.items[a.from].layer {
				l.items[a.to].layer = l.items[a.from].layer + 1
				changed = true
			}
		}
	}
	for range 8 {
		for i := range g.Nodes {
			low, high := 0, math.MaxInt32
			pull := 0.0
			for _, a := range arcs {
				switch i {
				case a.to:
					low = max(low, l.items[a.from].layer+1)
					pull -= a.weight
				case a.from:
					high = min(high, l.items[a.to].layer-1)
					pull += a.weight
				}
			}
			if high == math.MaxInt32 || high < low {
				continue
			}
			if pull > 0 {
				l.items[i].layer = high
			} else if pull < 0 {
				l.items[i].layer = low
			}
		}
	}
	used := map[int]bool{}
	for i := range l.items {
		used[l.items[i].layer] = true
	}
	var list []int
	for k := range used {
		list = append(list, k)
	}
	slices.Sort(list)
	for i := range l.items {
		l.items[i].layer, _ = slices.BinarySearch(list, l.items[i].layer)
	}
	l.layers = make([][]int, len(list))
	for i := range l.items {
		l.layers[l.items[i].layer] = append(l.layers[l.items[i].layer], i)
	}
}

// addBends returns, for each edge, the items it passes from the upper to the
// lower one.
func (l *layout) addBends(g *Graph, reversed []bool) [][]int {
	chains := make([][]int, len(g.Edges))
	for i, e := range g.Edges {
		if e.From == e.To {
			continue
		}
		from, to := e.From, e.To
		if reversed[i] {
			from, to = to, from
		}
		weight := 1 + math.Log1p(float64(e.Count))
		chain := []int{from}
		for k := l.items[from].layer + 1; k < l.items[to].layer; k++ {
			l.items = append(l.items, place{node: -1, layer: k, w: bendSize, h: 0})
			b := len(l.items) - 1
			l.layers[k] = append(l.layers[k], b)
			chain = append(chain, b)
		}
		chain = append(chain, to)
		for k := 1; k < len(chain); k++ {
			w := weight
			if l.items[chain[k]].node < 0 && l.items[chain[k-1]].node < 0 {
				w *= 4 // long edges shall be straight
			}
			a, b := chain[k-1], chain[k]
			l.items[a].down = append(l.items[a].down, link{b, w})
			l.items[b].up = append(l.items[b].up, link{a, w})
		}
		chains[i] = chain
	}
	return chains
}

// order sorts each layer by where the neighbours in the layer before are,
// down and up again, and keeps the order with the fewest crossings.
func (l *layout) order() {
	best, bestCrossings := l.copyLayers(), l.crossings()
	index := make([]float64, len(l.items))
	for sweep := range 40 {
		for _, layer := range l.layers {
			for i, it := range layer {
				index[it] = float64(i)
			}
		}
		layerAt := func(i int) int {
			if sweep%2 == 0 {
				return i
			}
			return len(l.layers) - 1 - i
		}
		for i := 1; i < len(l.layers); i++ {
			layer := l.layers[layerAt(i)]
			key := make(map[int]float64, len(layer))
			for at, it := range layer {
				links := l.items[it].up
				if sweep%2 == 1 {
					links = l.items[it].down
				}
				key[it] = float64(at)
				if len(links) > 0 {
					sum, weight := 0.0, 0.0
					for _, k := range links {
						sum += index[k.to] * k.weight
						weight += k.weight
					}
					key[it] = sum / weight
				}
			}
			slices.SortStableFunc(layer, func(a, b int) int { return cmp.Compare(key[a], key[b]) })
			for at, it := range layer {
				index[it] = float64(at)
			}
		}
		l.swapNeighbours(index)
		if c := l.crossings(); c < bestCrossings {
			best, bestCrossings = l.copyLayers(), c
		}
	}
	l.layers = best
}

func (l *layout) copyLayers() [][]int {
	out := make([][]int, len(l.layers))
	for i := range out {
		out[i] = slices.Clone(l.layers[i])
	}
	return out
}

// swapNeighbours exchanges two items of a layer where that saves crossings.
func (l *layout) swapNeighbours(index []float64) {
	for range 3 {
		changed := false
		for _, layer := range l.layers {
			for i := 1; i < len(layer); i++ {
				a, b := layer[i-1], layer[i]
				if l.pairCrossings(b, a, index) < l.pairCrossings(a, b, index) {
					layer[i-1], layer[i] = b, a
					index[b], index[a] = float64(i-1), float64(i)
					changed = true
				}
			}
		}
		if !changed {
			return
		}
	}
}

// pairCrossings counts the crossings of a's and b's edges when a is left of b.
func (l *layout) pairCrossings(a, b int, index []float64) float64 {
	n := 0.0
	for _, dir := range [2]bool{true, false} {
		la, lb := l.items[a].up, l.items[b].up
		if !dir {
			la, lb = l.items[a].down, l.items[b].down
		}
		for _, x := range la {
			for _, y := range lb {
				if index[x.to] > index[y.to] {
					n += x.weight * y.weight
				}
			}
		}
	}
	return n
}

func (l *layout) crossings() float64 {
	index := make([]float64, len(l.items))
	for _, layer := range l.layers {
		for i, it := range layer {
			index[it] = float64(i)
		}
	}
	n := 0.0
	for _, layer := range l.layers {
		for i, a := range layer {
			for _, b := range layer[i+1:] {
				for _, x := range l.items[a].down {
					for _, y := range l.items[b].down {
						if index[x.to] > index[y.to] {
							n += x.weight * y.weight
						}
					}
				}
			}
		}
	}
	return n
}

// position sets the coordinates. Sideways, every item wants to be at the mean
// of its neighbours; the order and the distances in its layer are kept by
// pooling adjacent violators, which is the least-squares solution.
func (l *layout) position() {
	y := 0.0
	for _, layer := range l.layers {
		h := 0.0
		for _, it := range layer {
			h = max(h, l.items[it].h)
		}
		for _, it := range layer {
			l.items[it].y = y + h/2
		}
		y += h + layerGap
	}
	l.height = y - layerGap
	for _, layer := range l.layers {
		x := 0.0
		for i, it := range layer {
			if i > 0 {
				x += l.distance(layer[i-1], it)
			}
			l.items[it].x = x
		}
		for _, it := range layer {
			l.items[it].x -= x / 2
		}
	}
	for sweep := range 60 {
		for i := range l.layers {
			k := i
			if sweep%2 == 1 {
				k = len(l.layers) - 1 - i
			}
			l.settle(l.layers[k])
		}
	}
	left, right := math.Inf(1), math.Inf(-1)
	for i := range l.items {
		left, right = min(left, l.items[i].x-l.items[i].w/2), max(right, l.items[i].x+l.items[i].w/2)
	}
	for i := range l.items {
		l.items[i].x -= left
	}
	l.width = right - left
}

func (l *layout) distance(a, b int) float64 {
	gap := nodeGap
	if l.items[a].node < 0 || l.items[b].node < 0 {
		gap = bendGap
	}
	return l.items[a].w/2 + l.items[a].right + gap + l.items[b].w/2
}

func (l *layout) settle(layer []int) {
	type block struct{ sum, weight, n float64 }
	var blocks []block
	offset := make([]float64, len(layer))
	for i, it := range layer {
		if i > 0 {
			offset[i] = offset[i-1] + l.distance(layer[i-1], it)
		}
		p := &l.items[it]
		sum, weight := 0.0, 0.0
		for _, links := range [2][]link{p.up, p.down} {
			for _, k := range links {
				sum += l.items[k.to].x * k.weight
				weight += k.weight
			}
		}
		want := p.x
		if weight > 0 {
			want = sum / weight
		}
		w := max(weight, 0.1)
		blocks = append(blocks, block{(want - offset[i]) * w, w, 1})
		for len(blocks) > 1 {
			a, b := &blocks[len(blocks)-2], blocks[len(blocks)-1]
			if a.sum/a.weight <= b.sum/b.weight {
				break
			}
			a.sum, a.weight, a.n = a.sum+b.sum, a.weight+b.weight, a.n+b.n
			blocks = blocks[:len(blocks)-1]
		}
	}
	i := 0
	for _, b := range blocks {
		for range int(b.n) {
			l.items[layer[i]].x = b.sum/b.weight + offset[i]
			i++
		}
	}
}

// route turns the chains into ways. Edges leave and reach a node side by
// side, in the order of where they come from, so that they do not run over
// each other.
func (l *layout) route(g *Graph, reversed []bool, chains [][]int) {
	type end struct {
		edge int
		x    float64
	}
	above, below := make([][]end, len(g.Nodes)), make([][]end, len(g.Nodes))
	for i, c := range chains {
		if c == nil {
			continue
		}
		below[c[0]] = append(below[c[0]], end{i, l.items[c[1]].x})
		last := len(c) - 1
		above[c[last]] = append(above[c[last]], end{i, l.items[c[last-1]].x})
	}
	port := func(ends [][]end) []float64 {
		x := make([]float64, len(g.Edges))
		for n, list := range ends {
			slices.SortStableFunc(list, func(a, b end) int { return cmp.Or(cmp.Compare(a.x, b.x), cmp.Compare(a.edge, b.edge)) })
			p := &l.items[n]
			step := min(22, p.w*0.8/float64(max(len(list), 1)))
			for i, e := range list {
				x[e.edge] = p.x + (float64(i)-float64(len(list)-1)/2)*step
			}
		}
		return x
	}
	out, in := port(below), port(above)
	l.routes = make([]route, len(g.Edges))
	for i, c := range chains {
		if c == nil {
			l.routes[i] = route{loop: true}
			continue
		}
		top, bottom := &l.items[c[0]], &l.items[c[len(c)-1]]
		pts := []point{{out[i], top.y + top.h/2}}
		for _, b := range c[1 : len(c)-1] {
			pts = append(pts, point{l.items[b].x, l.items[b].y})
		}
		pts = append(pts, point{in[i], bottom.y - bottom.h/2})
		if reversed[i] {
			slices.Reverse(pts)
		}
		l.routes[i] = route{points: pts, back: reversed[i]}
	}
}
