package graph

import (
	"cmp"
	"math"
	"slices"
)

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
