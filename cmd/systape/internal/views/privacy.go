package views

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"systape/cmd/systape/internal/out"
	"systape/format"
	"systape/replay/escape"
	"systape/replay/redact"
	"systape/replay/units"
)

// Privacy is what a capture holds that somebody may not want to give away.
type Privacy struct {
	Found     *redact.Inventory
	Meta      *format.Meta
	Columns   []string // that another program added
	Keys      []string // of its metadata
	Redacting bool     // show what becomes of it
	All       bool     // show all names, not examples
}

// never is what no capture holds, whatever was recorded.
var never = []string{"environments", "contents of files, of memory, and of what is sent", "arguments of executed programs, but for the recorded command's own"}

// always are the things that a capture holds by nature, and redact keeps.
var always = []string{"system calls, their times, order, durations, results and register arguments", "numbers of processes, threads and descriptors"}

// Write writes it as table or json.
func (p *Privacy) Write(w io.Writer, form string) error {
	if form == "json" {
		return p.json(w)
	}
	s := out.StyleOf(w)
	t := out.Table{Columns: out.Columns("what", ">distinct", ">on any system", "examples")}
	room := p.room(s)
	for _, k := range p.Found.Kinds {
		counts := []string{k.Name, p.distinct(k), units.Count(k.Kept)}
		lines := p.examples(k, room)
		for i := range max(len(lines), 1) {
			cells := []string{"", "", "", ""}
			if i == 0 {
				copy(cells, counts)
			}
			if i < len(lines) {
				cells[3] = lines[i]
			}
			t.Add(cells...)
		}
	}
	if n := p.Found.Addresses; n > 0 {
		t.Add("addresses of memory", units.Count(n), "", "redact blurs all of them")
	}
	if len(t.Rows) > 0 {
		if err := t.Write(w, s); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	width := s.TableWidth()
	for _, unread := range []struct {
		what  string
		names []string
	}{{"columns", p.Columns}, {"keys of metadata", p.Keys}} {
		if len(unread.names) > 0 {
			out.Wrap(w, fmt.Sprintf("%s that another program added, with whatever is in them: %s; redact leaves them out",
				unread.what, escape.Text(strings.Join(unread.names, ", "))), "", width)
		}
	}
	out.Wrap(w, "always in a capture: "+strings.Join(always, "; "), "", width)
	out.Wrap(w, "never in a capture: "+strings.Join(never, "; "), "", width)
	fmt.Fprintf(w, "command line: %s\n", hiddenWords(&p.Meta.Request))
	if r := p.Meta.Redacted; r != nil {
		dropped := ""
		if len(r.Dropped) > 0 {
			dropped = ", without " + escape.Text(strings.Join(r.Dropped, ", "))
		}
		fmt.Fprintf(w, "redacted: by %s with key %s%s: names are pseudonyms, times shifted\n", escape.Text(r.Tool), escape.Text(r.Key), dropped)
	}
	return nil
}

// fewExamples is how many of a kind are shown where not all are asked for.
const fewExamples = 3

// examples are the lines with the examples of one kind, each whole: what is
// longer than room goes on in the next line, below.
func (p *Privacy) examples(k *redact.Kind, room int) (lines []string) {
	shown := k.Examples
	if !p.All {
		shown = shown[:min(fewExamples, len(shown))]
	}
	for _, e := range shown {
		text := e.Text
		if p.Redacting {
			text += " → " + cmp.Or(e.Pseudonym, "(left out)")
		}
		lines = append(lines, folded(escape.Text(text), room)...)
	}
	if n := k.Distinct - k.Kept - int64(len(shown)); n > 0 {
		lines = append(lines, fmt.Sprintf("and %s more: --all", units.Count(n)))
	}
	return lines
}

// folded breaks text wherever a line of width columns is full; 0: nowhere.
func folded(text string, width int) (lines []string) {
	if width == 0 || out.Width(text) <= width {
		return []string{text}
	}
	line := ""
	for _, r := range text {
		if next := line + string(r); out.Width(next) <= width {
			line = next
			continue
		}
		lines = append(lines, line)
		line = "  " + string(r)
	}
	return append(lines, line)
}

// room is how wide the examples may be: what the other columns leave, and enough
// to be read; 0: as wide as they are.
func (p *Privacy) room(s out.Style) int {
	if s.Width == 0 {
		return 0
	}
	without := out.Table{Columns: out.Columns("what", ">distinct", ">on any system")}
	without.Add("addresses of memory", "", "")
	for _, k := range p.Found.Kinds {
		without.Add(k.Name, p.distinct(k), units.Count(k.Kept))
	}
	return max(s.Width-without.Width()-2, 20)
}

func (p *Privacy) distinct(k *redact.Kind) string {
	text := units.Count(k.Distinct)
	if k.Full() {
		text = "≥ " + text
	}
	return text
}

// hiddenWords says what of a command line is in the metadata.
func hiddenWords(r *format.Request) string {
	switch {
	case r.Hidden == "secrets":
		return "secrets in it are masked, as far as the usual patterns find them"
	case r.Hidden == "arguments":
		return "its arguments are left out"
	case r.Hidden != "":
		return "left out"
	case len(r.Command) == 0:
		return "no command was recorded"
	}
	return "as it was given, with whatever is in it"
}

func (p *Privacy) json(w io.Writer) error {
	type kind struct {
		Kind     string           `json:"kind"`
		Distinct int64            `json:"distinct"`
		Kept     int64            `json:"on_any_system"`
		Examples []redact.Example `json:"examples"`
	}
	kinds := []kind{}
	for _, k := range p.Found.Kinds {
		x := kind{k.Name, k.Distinct, k.Kept, append([]redact.Example{}, k.Examples...)}
		if !p.Redacting {
			for i := range x.Examples {
				x.Examples[i].Pseudonym = ""
			}
		}
		kinds = append(kinds, x)
	}
	return out.WriteJSON(w, struct {
		Kinds     []kind           `json:"kinds"`
		Addresses int64            `json:"addresses"`
		Hidden    string           `json:"command_line"`
		Redacted  *format.Redacted `json:"redacted,omitempty"`
		Columns   []string         `json:"unread_columns,omitempty"`
		Keys      []string         `json:"unread_metadata,omitempty"`
		Always    []string         `json:"always"`
		Never     []string         `json:"never"`
	}{kinds, p.Found.Addresses, hiddenWords(&p.Meta.Request), p.Meta.Redacted, p.Columns, p.Keys, always, never}, "  ")
}
