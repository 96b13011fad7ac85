package views

import (
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
	Redacting bool // show what becomes of it
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
	shown := 3
	s := out.StyleOf(w)
	t := out.Table{Columns: out.Columns("what", ">distinct", ">on any system", "examples")}
	for _, k := range p.Found.Kinds {
		var words []string
		for _, e := range k.Examples[:min(shown, len(k.Examples))] {
			text := e.Text
			if k.Name == "command line" {
				text = out.Snip(text, 60)
			}
			if p.Redacting {
				text += " → " + e.Pseudonym
			}
			words = append(words, text)
		}
		if n := int(k.Distinct-k.Kept) - len(words); n > 0 {
			words = append(words, fmt.Sprintf("and %s more: --format json", units.Count(int64(n))))
		}
		distinct := units.Count(k.Distinct)
		t.Add(k.Name, distinct, units.Count(k.Kept), strings.Join(words[:min(1, len(words))], ""))
		for _, w := range words[min(1, len(words)):] { // each has a row of its own, to be read whole
			t.Add("", "", "", w)
		}
	}
	if n := p.Found.Addresses; n > 0 {
		t.Add("addresses of memory", units.Count(n), "", "redact blurs all of them")
	}
	t.Squeeze(s, []string{"examples"})
	if len(t.Rows) > 0 {
		if err := t.Write(w, s); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	width := s.TableWidth()
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
		Always    []string         `json:"always"`
		Never     []string         `json:"never"`
	}{kinds, p.Found.Addresses, hiddenWords(&p.Meta.Request), p.Meta.Redacted, always, never}, "  ")
}
