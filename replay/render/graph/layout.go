package graph

import (
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
