package graph

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// chain makes the graph of calls that follow upon each other in a row.
func chain(names ...string) *Graph {
	g := &Graph{Nodes: []Node{{Name: "start", Count: 1}, {Name: "end", Count: 1}}}
	for i, n := range names {
		g.Nodes = append(g.Nodes, Node{Name: n, Count: 1})
		from := i + 1
		if i == 0 {
			from = Start
		} else {
			g.Transitions++
		}
		g.Edges = append(g.Edges, Edge{From: from, To: i + 2, Count: 1, P: 1})
	}
	g.Edges = append(g.Edges, Edge{From: len(names) + 1, To: End, Count: 1, P: 1})
	return g
}

// A row of calls is drawn as a column: each below the one before, one layer a
// call, and no edge turned round.
func TestARowIsAColumn(t *testing.T) {
	g := chain("openat", "read", "write", "close")
	l := arrange(g, size(g))
	order := []int{Start, 2, 3, 4, 5, End}
	for i := 1; i < len(order); i++ {
		above, below := &l.items[order[i-1]], &l.items[order[i]]
		if below.layer != above.layer+1 || below.y <= above.y || abs(below.x-above.x) > 0.01 {
			t.Errorf("%s at layer %d (%v, %v) does not stand below %s at %d (%v, %v)", g.Nodes[order[i]].Name, below.layer, below.x, below.y,
				g.Nodes[order[i-1]].Name, above.layer, above.x, above.y)
		}
	}
	for i, r := range l.routes {
		if r.back || r.loop {
			t.Errorf("edge %d is turned round", i)
		}
	}
}

// What is turned round breaks every cycle and nothing else: a graph without
// cycles keeps its edges, and without the turned ones there is none.
func TestCyclesAreBroken(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 9))
		nodes := 2 + r.IntN(20)
		g := &Graph{Nodes: make([]Node, nodes+2)}
		acyclic := seed%2 == 0
		for range r.IntN(80) {
			from, to := 2+r.IntN(nodes), 2+r.IntN(nodes)
			if from == to || acyclic && from > to {
				continue
			}
			g.Edges = append(g.Edges, Edge{From: from, To: to, Count: 1 + r.Int64N(100)})
		}
		reversed := (&layout{items: make([]place, len(g.Nodes))}).breakCycles(g)
		if acyclic && slices.Contains(reversed, true) {
			// A heuristic may turn an edge of a graph without cycles, but not many.
			n := 0
			for _, r := range reversed {
				if r {
					n++
				}
			}
			if n*3 > len(g.Edges) {
				t.Errorf("seed %d: %d of %d edges turned in a graph without cycles", seed, n, len(g.Edges))
			}
		}
		next := make([][]int, len(g.Nodes))
		for i, e := range g.Edges {
			if reversed[i] {
				e.From, e.To = e.To, e.From
			}
			next[e.From] = append(next[e.From], e.To)
		}
		state := make([]int, len(g.Nodes))
		var walk func(i int)
		walk = func(i int) {
			state[i] = 1
			for _, k := range next[i] {
				if state[k] == 1 {
					t.Fatalf("seed %d: there is still a cycle", seed)
				}
				if state[k] == 0 {
					walk(k)
				}
			}
			state[i] = 2
		}
		for i := range next {
			if state[i] == 0 {
				walk(i)
			}
		}
	}
}

// The order of a layer has no more crossings than the order that was given.
func TestOrderingDoesNotAddCrossings(t *testing.T) {
	better := 0
	for seed := range uint64(40) {
		g := randomGraph(seed, 5+int(seed), 60)
		l := &layout{}
		for i := range g.Nodes {
			l.items = append(l.items, place{node: i, w: 40, h: 40})
		}
		reversed := l.breakCycles(g)
		l.assignLayers(g, reversed)
		l.addBends(g, reversed)
		before := l.crossings()
		l.order()
		after := l.crossings()
		if after > before {
			t.Errorf("seed %d: %v crossings became %v", seed, before, after)
		}
		if after < before {
			better++
		}
	}
	if better < 20 {
		t.Errorf("only %d of 40 graphs became better", better)
	}
}

// The same calls give the same picture, whatever the order in which they were
// counted.
func TestPictureDoesNotDependOnOrder(t *testing.T) {
	a := randomGraph(8, 15, 40)
	b := &Graph{Nodes: slices.Clone(a.Nodes), Edges: slices.Clone(a.Edges), Transitions: a.Transitions}
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(b.Edges), func(i, k int) { b.Edges[i], b.Edges[k] = b.Edges[k], b.Edges[i] })
	b.sortEdges()
	var x, y bytes.Buffer
	if err := a.Write(&x, SVG, Caption{}); err != nil {
		t.Fatal(err)
	}
	if err := b.Write(&y, SVG, Caption{}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(x.Bytes(), y.Bytes()) {
		t.Error("another order of the edges gives another picture")
	}
}

var svgNumber = regexp.MustCompile(`\s(?:x|y|width|height|d|points|stroke-width)="([^"]*)"`)

// Every number of the picture is one, and everything lies within it.
func TestNumbersAreFinite(t *testing.T) {
	for _, g := range []*Graph{chain(), chain("a"), randomGraph(1, 1, 3), randomGraph(2, 60, 400)} {
		g.Nodes[len(g.Nodes)-1].Count = math.MaxInt64
		g.Nodes[len(g.Nodes)-1].TimedNS = math.MaxInt64
		var b bytes.Buffer
		if err := g.Write(&b, SVG, Caption{Title: "t"}); err != nil {
			t.Fatal(err)
		}
		for _, m := range svgNumber.FindAllSubmatch(b.Bytes(), -1) {
			for _, word := range strings.FieldsFunc(string(m[1]), func(r rune) bool { return strings.ContainsRune("MC ,z", r) }) {
				v, err := strconv.ParseFloat(word, 64)
				if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || v < -1e5 || v > 1e6 {
					t.Fatalf("%d nodes: %q in %s", len(g.Nodes), word, m[0])
				}
			}
		}
	}
}

// A name is drawn within its box, whatever it is made of.
func TestNamesFitTheirBoxes(t *testing.T) {
	names := []string{"read", "\x1b]0;x\x07", "\xff\xfe\xfd", "a\nb\tc", strings.Repeat("long_", 30), "\u202egnp.exe", "<b>&\"'", "日本語"}
	g := chain(names...)
	var b bytes.Buffer
	if err := g.Write(&b, SVG, Caption{}); err != nil {
		t.Fatal(err)
	}
	var node struct {
		Rect struct {
			Width float64 `xml:"width,attr"`
		} `xml:"rect"`
		Text []string `xml:"text"`
	}
	seen := 0
	for line := range strings.Lines(b.String()) {
		if !strings.HasPrefix(line, `<g class="node"`) {
			continue
		}
		node.Text = nil
		if err := xml.Unmarshal([]byte(line), &node); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		seen++
		if need := float64(len([]rune(node.Text[0]))) * charWidth; need > node.Rect.Width {
			t.Errorf("%q needs %v, its box has %v", node.Text[0], need, node.Rect.Width)
		}
		if strings.ContainsAny(node.Text[0], "\n\t\x1b\x07\u202e") {
			t.Errorf("%q holds what a page would obey", node.Text[0])
		}
	}
	if seen != len(names) {
		t.Errorf("%d nodes drawn, want %d", seen, len(names))
	}
}

// Labels lie neither on nodes nor on each other as long as there is a place.
func TestLabelsFindAPlace(t *testing.T) {
	var l labeller
	l.block(Box{0, 0, 100, 40})
	r := &route{points: []point{{50, 40}, {50, 140}}}
	first := l.place(r, point{50, 30}, 20) // on the node: the route has better places
	if first.y <= 40 {
		t.Errorf("a label lies on the node: %v", first)
	}
	second := l.place(r, point{50, 30}, 20)
	if abs(first.y-second.y) < 12 {
		t.Errorf("two labels lie on each other: %v, %v", first, second)
	}
	full := labeller{taken: []Box{{-1e6, -1e6, 2e6, 2e6}}}
	if p := full.place(r, point{1, 2}, 20); p != (point{1, 2}) {
		t.Errorf("without a place, the label is not where it was wanted: %v", p)
	}
}

// What JSON says adds up: the shares of what follows upon a call make one, and
// the counts are those of the transitions.
func TestJSONAddsUp(t *testing.T) {
	g := randomGraph(11, 12, 50)
	out := map[int]int64{}
	for _, e := range g.Edges {
		out[e.From] += e.Count
	}
	for i := range g.Edges {
		g.Edges[i].P = float64(g.Edges[i].Count) / float64(out[g.Edges[i].From])
	}
	for _, share := range []float64{1, 0.6} {
		var b bytes.Buffer
		if err := g.Cover(share).Write(&b, JSON, Caption{}); err != nil {
			t.Fatal(err)
		}
		var j jsonGraph
		if err := json.Unmarshal(b.Bytes(), &j); err != nil {
			t.Fatal(err)
		}
		sum, p := int64(0), map[string]float64{}
		for _, e := range j.Edges {
			sum += e.Count
			p[e.From] += e.P
		}
		if sum+j.LeftOut != j.Transitions || j.Transitions != g.Transitions {
			t.Errorf("%v: %d shown and %d left out of %d", share, sum, j.LeftOut, j.Transitions)
		}
		for name, x := range p {
			if x > 1+1e-9 {
				t.Errorf("%v: what follows upon %s has shares of %v", share, name, x)
			}
		}
	}
}

// A graph that is too large to draw is cut to its most frequent edges, and
// the picture says so; it stays within bounds of time and size.
func TestLargeGraphIsCut(t *testing.T) {
	g := randomGraph(4, 400, 5000)
	var b bytes.Buffer
	if err := g.Write(&b, SVG, Caption{Title: "t", Subtitle: "s"}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "<path d="); n > maxDrawn+1 {
		t.Errorf("%d edges are drawn", n)
	}
	if !strings.Contains(b.String(), fmt.Sprintf("without %d rarer edges", len(g.Edges)-maxDrawn)) {
		t.Error("the picture does not say what is left out")
	}
	if b.Len() > 4<<20 {
		t.Errorf("%d bytes", b.Len())
	}
}

func TestFormatOf(t *testing.T) {
	for name, want := range map[string]Format{"a.svg": SVG, "a.b.dot": DOT, "x.gv": DOT, "x.html": HTML, "x.json": JSON} {
		if f, err := FormatOf(name); err != nil || f != want {
			t.Errorf("%s: %q, %v", name, f, err)
		}
	}
	for _, name := range []string{"", "svg", "x.", "x.SVG", "x.png"} {
		if f, err := FormatOf(name); err == nil {
			t.Errorf("%q is taken for %q", name, f)
		}
	}
	if err := chain("a").Write(new(bytes.Buffer), "png", Caption{}); err == nil {
		t.Error("an unknown format is written")
	}
}

// Whatever names and counts a capture has, each form is written whole and says
// the same of them.
func FuzzNames(f *testing.F) {
	for _, s := range []string{"read", "</script><script>alert(1)</script>", `"];x->y[`, "\xff\x00", "]]>", "a\u2028b"} {
		f.Add(s, int64(1))
	}
	f.Fuzz(func(t *testing.T, name string, count int64) {
		g := chain("openat", name, "close")
		g.Nodes[3].Count, g.Nodes[3].Timed, g.Nodes[3].TimedNS = count, 1, count
		for _, form := range []Format{SVG, DOT, HTML, JSON} {
			var b bytes.Buffer
			if err := g.Write(&b, form, Caption{Title: name, Subtitle: name}); err != nil {
				t.Fatal(err)
			}
			switch form {
			case SVG:
				if err := xml.Unmarshal(b.Bytes(), new(struct{})); err != nil {
					t.Errorf("svg: %v", err)
				}
			case JSON:
				if !json.Valid(b.Bytes()) {
					t.Error("not JSON")
				}
			case HTML:
				if strings.Count(strings.ToLower(b.String()), "</script") != 1 {
					t.Error("html: a name closes the script")
				}
			case DOT:
				if n := strings.Count(b.String(), "\n"); n != strings.Count(dotOf(t, chain("openat", "x", "close")), "\n") {
					t.Errorf("dot: a name makes lines: %d", n)
				}
			}
		}
	})
}

func dotOf(t *testing.T, g *Graph) string {
	var b bytes.Buffer
	if err := g.Write(&b, DOT, Caption{Title: "t", Subtitle: "s"}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
