package graph

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"systape/replay/escape"
	"systape/replay/units"
)

// Format is how a graph is written.
type Format string

// The formats, as file names end.
const (
	DOT  Format = "dot"
	SVG  Format = "svg"
	HTML Format = "html"
	JSON Format = "json"
)

// FormatOf returns the format that a file name asks for.
func FormatOf(name string) (Format, error) {
	switch f := Format(strings.TrimPrefix(filepath.Ext(name), ".")); f {
	case DOT, SVG, HTML, JSON:
		return f, nil
	case "gv":
		return DOT, nil
	}
	return "", fmt.Errorf("%q: want a name that ends in .svg, .html, .dot or .json", name)
}

// Write writes the graph. The same graph gives the same bytes.
func (g *Graph) Write(w io.Writer, f Format, c Caption) error {
	switch f {
	case DOT:
		return g.writeDOT(w, c)
	case SVG:
		return g.writeSVG(w, c)
	case HTML:
		return g.writeHTML(w, c)
	case JSON:
		return g.writeJSON(w)
	}
	return fmt.Errorf("unknown graph format %q", f)
}

func (g *Graph) writeDOT(w io.Writer, c Caption) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "digraph calls {\n  label=%s;\n  labelloc=t;\n  node [shape=box, style=\"rounded,filled\", fillcolor=\"#ecf3fa\", fontname=\"monospace\"];\n  edge [fontname=\"sans-serif\", fontsize=10, color=\"#5b6b7b\"];\n",
		quote(strings.TrimSuffix(c.Title+"\n"+g.summary(c), "\n")))
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if isMark(i) {
			fmt.Fprintf(&b, "  n%d [label=%s, shape=plaintext, style=\"\"];\n", i, quote(n.Name))
			continue
		}
		fmt.Fprintf(&b, "  n%d [label=%s, tooltip=%s];\n", i, quote(escape.Text(n.Name)+"\n"+n.Figures()), quote(escape.Text(n.Name)+": "+units.Counted(n.Count, "call")+timeText(n)))
	}
	for _, e := range g.Edges {
		fmt.Fprintf(&b, "  n%d -> n%d [label=%s, weight=%d, tooltip=%s];\n", e.From, e.To, quote(units.ShareCell(e.P)), min(e.Count, 1000), quote(units.Counted(e.Count, "time")))
	}
	b.WriteString("}\n")
	_, err := w.Write(b.Bytes())
	return err
}

// quote writes a DOT string.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

type jsonGraph struct {
	Transitions  int64      `json:"transitions"`
	LeftOut      int64      `json:"left_out_transitions"`
	LeftOutEdges int        `json:"left_out_edges"`
	LeftOutNodes int        `json:"left_out_nodes"`
	Nodes        []jsonNode `json:"nodes"`
	Edges        []jsonEdge `json:"edges"`
	Starts       []jsonMark `json:"starts"`
	Ends         []jsonMark `json:"ends"`
}

type jsonNode struct {
	Syscall string `json:"syscall"`
	Count   int64  `json:"count"`
	TotalNS int64  `json:"total_ns"`
	Timed   int64  `json:"timed"`
}

type jsonEdge struct {
	From  string  `json:"from"`
	To    string  `json:"to"`
	Count int64   `json:"count"`
	P     float64 `json:"p"`
}

type jsonMark struct {
	Syscall string `json:"syscall"`
	Count   int64  `json:"count"`
}

func (g *Graph) writeJSON(w io.Writer) error {
	j := jsonGraph{Transitions: g.Transitions, LeftOut: g.LeftOutTransitions, LeftOutEdges: g.LeftOutEdges, LeftOutNodes: g.LeftOutNodes,
		Nodes: []jsonNode{}, Edges: []jsonEdge{}, Starts: []jsonMark{}, Ends: []jsonMark{}}
	for i, n := range g.Nodes {
		if !isMark(i) {
			j.Nodes = append(j.Nodes, jsonNode{n.Name, n.Count, n.TimedNS, n.Timed})
		}
	}
	for _, e := range g.Edges {
		switch {
		case e.From == Start:
			j.Starts = append(j.Starts, jsonMark{g.Nodes[e.To].Name, e.Count})
		case e.To == End:
			j.Ends = append(j.Ends, jsonMark{g.Nodes[e.From].Name, e.Count})
		default:
			j.Edges = append(j.Edges, jsonEdge{g.Nodes[e.From].Name, g.Nodes[e.To].Name, e.Count, e.P})
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(j); err != nil {
		return err
	}
	_, err := w.Write(escape.JSON(b.Bytes()))
	return err
}

// writeHTML puts the picture into a page that needs nothing else: move and
// zoom with the mouse; a click on a call shows what it follows upon and what
// follows upon it.
func (g *Graph) writeHTML(w io.Writer, c Caption) error {
	var svg bytes.Buffer
	if err := g.writeSVG(&svg, c); err != nil {
		return err
	}
	var b bytes.Buffer
	b.WriteString("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>" +
		escape.XML(c.Title) + "</title>\n<style>" + htmlStyle + "</style></head><body>\n<main>\n")
	b.Write(svg.Bytes())
	b.WriteString("</main>\n<aside><h1>calls</h1><table id=\"calls\"><thead><tr><th>call</th><th>count</th><th>time</th></tr></thead><tbody>\n")
	drawn := g.Limit(maxDrawn)
	for i := range drawn.Nodes {
		if isMark(i) {
			continue
		}
		n := &drawn.Nodes[i]
		fmt.Fprintf(&b, "<tr data-n=\"%d\" tabindex=\"0\"><td>%s</td><td>%s</td><td>%s</td></tr>\n", i, escape.XML(n.Name), units.Count(n.Count), either(n.Timed > 0, units.Duration(n.TimedNS), ""))
	}
	b.WriteString("</tbody></table><div id=\"detail\"></div></aside>\n<script>\nconst edges=[")
	for i, e := range drawn.Edges {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "[%d,%d,%d,%s]", e.From, e.To, e.Count, strconv.FormatFloat(e.P, 'g', 6, 64))
	}
	b.WriteString("];\nconst names=[")
	for i := range drawn.Nodes {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(drawn.Nodes[i].Name) // escapes < and >
		if err != nil {
			return err
		}
		b.Write(escape.JSON(name))
	}
	b.WriteString("];\n" + htmlScript + "</script></body></html>\n")
	_, err := w.Write(b.Bytes())
	return err
}

func either[T any](cond bool, yes, no T) T {
	if cond {
		return yes
	}
	return no
}

const htmlStyle = `
html,body{margin:0;height:100%;font:13px system-ui,sans-serif;color:#1b2733}body{display:flex}
main{flex:1;overflow:hidden;cursor:grab;background:#fff}main svg{width:100%;height:100%}
aside{width:20rem;overflow:auto;border-left:1px solid #d5dce3;padding:0 1rem;background:#f7f9fb}h1{font-size:15px}
table{border-collapse:collapse;width:100%}td,th{padding:2px 6px;text-align:right}td:first-child,th:first-child{text-align:left;font-family:ui-monospace,monospace}
tbody tr{cursor:pointer}tbody tr:hover,tr.on{background:#dde8f2}
svg.some .edge,svg.some .node{opacity:.12}svg.some .on{opacity:1}`

const htmlScript = `
const svg=document.querySelector('svg'),detail=document.getElementById('detail');
const vb=svg.getAttribute('viewBox').split(' ').map(Number);let box=[...vb],from=null,moved=false;
svg.removeAttribute('width');svg.removeAttribute('height');
const show=()=>svg.setAttribute('viewBox',box.join(' '));
svg.addEventListener('wheel',e=>{e.preventDefault();const r=svg.getBoundingClientRect(),k=Math.exp(e.deltaY*.0015);
 const s=Math.max(box[2]/r.width,box[3]/r.height),x=box[0]+box[2]/2+(e.clientX-r.left-r.width/2)*s,y=box[1]+box[3]/2+(e.clientY-r.top-r.height/2)*s;
 box=[x-(x-box[0])*k,y-(y-box[1])*k,box[2]*k,box[3]*k];show()},{passive:false});
svg.addEventListener('pointerdown',e=>{from=[e.clientX,e.clientY,...box];moved=false});
addEventListener('pointermove',e=>{if(!from)return;const r=svg.getBoundingClientRect(),s=Math.max(box[2]/r.width,box[3]/r.height);
 if(Math.abs(e.clientX-from[0])+Math.abs(e.clientY-from[1])>3)moved=true;
 box[0]=from[2]-(e.clientX-from[0])*s;box[1]=from[3]-(e.clientY-from[1])*s;show()});
addEventListener('pointerup',()=>from=null);
svg.addEventListener('dblclick',()=>{box=[...vb];show()});
let on=null;
function pick(n){on=on===n?null:n;svg.classList.toggle('some',on!==null);
 document.querySelectorAll('.on').forEach(x=>x.classList.remove('on'));detail.textContent='';if(on===null)return;
 const near=new Set([on]);for(const[f,t]of edges){if(f===on)near.add(t);if(t===on)near.add(f)}
 document.querySelectorAll('.node').forEach(x=>x.classList.toggle('on',near.has(+x.dataset.n)));
 document.querySelectorAll('.edge').forEach(x=>x.classList.toggle('on',+x.dataset.f===on||+x.dataset.t===on));
 document.querySelectorAll('tr[data-n="'+on+'"]').forEach(x=>x.classList.add('on'));
 const list=(title,rows)=>{const h=document.createElement('h1');h.textContent=title;const t=document.createElement('table');
  for(const[n,c,p]of rows){const r=t.insertRow();for(const v of[names[n],c.toLocaleString(),(100*p).toFixed(1)+' %'])r.insertCell().textContent=v}detail.append(h,t)};
 list('after '+names[on],edges.filter(e=>e[0]===on).map(e=>[e[1],e[2],e[3]]));
 list('before '+names[on],edges.filter(e=>e[1]===on).map(e=>[e[0],e[2],e[3]]))}
document.querySelectorAll('.node').forEach(x=>x.addEventListener('click',()=>{if(!moved)pick(+x.dataset.n)}));
document.querySelectorAll('tr[data-n]').forEach(x=>{x.addEventListener('click',()=>pick(+x.dataset.n));x.addEventListener('keydown',e=>{if(e.key==='Enter')pick(+x.dataset.n)})});
`
