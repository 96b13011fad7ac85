package graph

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// randomGraph makes a graph with loops, cycles and nodes that nothing leads to.
func randomGraph(seed uint64, nodes, edges int) *Graph {
	r := rand.New(rand.NewPCG(seed, 1))
	g := &Graph{Nodes: []Node{{Name: "start"}, {Name: "end"}}}
	for i := range nodes {
		g.Nodes = append(g.Nodes, Node{Name: fmt.Sprint("call_", i), Count: 1 + r.Int64N(10000), TimedNS: r.Int64N(1e9), Timed: 10})
	}
	seen := map[[2]int]bool{}
	add := func(from, to int) {
		if k := [2]int{from, to}; !seen[k] {
			seen[k] = true
			n := 1 + r.Int64N(1000)
			g.Edges = append(g.Edges, Edge{From: from, To: to, Count: n, P: r.Float64()})
			if from != Start && to != End {
				g.Transitions += n
			}
		}
	}
	add(Start, 2)
	add(1+nodes, End)
	for range edges {
		add(2+r.IntN(nodes), 2+r.IntN(nodes))
	}
	g.sortEdges()
	return g
}

func size(g *Graph) func(int) (float64, float64) {
	return func(i int) (float64, float64) { return float64(20 + 7*len(g.Nodes[i].Name)), 40 }
}

// Whatever the graph, nodes do not lie on each other, every edge goes from its
// node to its other one, and edges point down unless they are marked.
func TestLayoutIsReadable(t *testing.T) {
	for seed := range uint64(30) {
		g := randomGraph(seed, 1+int(seed), int(seed)*3)
		l := arrange(g, size(g))
		for i := range g.Nodes {
			for k := i + 1; k < len(g.Nodes); k++ {
				a, b := &l.items[i], &l.items[k]
				if abs(a.x-b.x) < (a.w+b.w)/2-0.01 && abs(a.y-b.y) < (a.h+b.h)/2-0.01 {
					t.Fatalf("seed %d: %s lies on %s", seed, g.Nodes[i].Name, g.Nodes[k].Name)
				}
			}
			if p := &l.items[i]; p.x-p.w/2 < -0.01 || p.x+p.w/2 > l.width+0.01 || p.y-p.h/2 < -0.01 || p.y+p.h/2 > l.height+0.01 {
				t.Fatalf("seed %d: %s is outside", seed, g.Nodes[i].Name)
			}
		}
		for i, e := range g.Edges {
			r := &l.routes[i]
			if r.loop != (e.From == e.To) {
				t.Fatalf("seed %d: edge %d: loop %v", seed, i, r.loop)
			}
			if r.loop {
				continue
			}
			first, last := r.points[0], r.points[len(r.points)-1]
			for _, end := range []struct {
				p    point
				node int
			}{{first, e.From}, {last, e.To}} {
				n := &l.items[end.node]
				if abs(end.p.x-n.x) > n.w/2 || abs(abs(end.p.y-n.y)-n.h/2) > 0.01 {
					t.Fatalf("seed %d: edge %d does not end at its node", seed, i)
				}
			}
			if (last.y < first.y) != r.back {
				t.Fatalf("seed %d: edge %d goes from %v to %v, back %v", seed, i, first.y, last.y, r.back)
			}
		}
	}
}

func abs(x float64) float64 { return max(x, -x) }

func TestCoverKeepsTheShare(t *testing.T) {
	g := randomGraph(3, 30, 200)
	for _, share := range []float64{0.01, 0.5, 0.95, 1} {
		c := g.Cover(share)
		kept := int64(0)
		for _, e := range c.Edges {
			if e.From != Start && e.To != End {
				kept += e.Count
			}
		}
		if float64(kept) < share*float64(g.Transitions) || kept+c.LeftOutTransitions != g.Transitions {
			t.Errorf("%v: %d of %d kept, %d left out", share, kept, g.Transitions, c.LeftOutTransitions)
		}
		if len(c.Edges)+c.LeftOutEdges != len(g.Edges) || len(c.Nodes)+c.LeftOutNodes != len(g.Nodes) {
			t.Errorf("%v: %d edges and %d nodes do not add up", share, len(c.Edges), len(c.Nodes))
		}
		if share == 1 && c.LeftOutEdges != 0 {
			t.Errorf("all: %d edges left out", c.LeftOutEdges)
		}
	}
}

// Names come from captures: they must not become markup.
func TestFilesAreWellFormedAndTheSame(t *testing.T) {
	g := randomGraph(5, 20, 300)
	g.Nodes[4].Name = `<b>"x"&</b></script>`
	for _, f := range []Format{SVG, HTML, DOT, JSON} {
		var a, b bytes.Buffer
		for _, w := range []*bytes.Buffer{&a, &b} {
			if err := g.Write(w, f, Caption{Title: "a < b", Subtitle: "c & d"}); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Errorf("%s: the same graph gives other bytes", f)
		}
		if f == SVG {
			dec := xml.NewDecoder(&a)
			for {
				if _, err := dec.Token(); err == io.EOF {
					break
				} else if err != nil {
					t.Fatalf("svg: %v", err)
				}
			}
		}
		if f == HTML && (strings.Contains(b.String(), "<b>") || strings.Count(b.String(), "</script>") != 1) {
			t.Error("html: a name became markup")
		}
		if f == DOT && strings.Contains(b.String(), `"x"&`) {
			t.Error("dot: a quote is not escaped")
		}
	}
	if _, err := FormatOf("x.png"); err == nil {
		t.Error(".png is taken")
	}
}

func TestEmptyGraph(t *testing.T) {
	g := &Graph{Nodes: []Node{{Name: "start"}, {Name: "end"}}}
	for _, f := range []Format{SVG, HTML, DOT, JSON} {
		if err := g.Cover(0.95).Write(io.Discard, f, Caption{}); err != nil {
			t.Errorf("%s: %v", f, err)
		}
	}
}
