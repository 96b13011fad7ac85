package page

import (
	"systape/cmd/systape/internal/views"
	"systape/replay/escape"
)

// NewComparison describes how two captures differ; text is what the command
// line tells.
func NewComparison(x *views.Comparison, text string) Comparison {
	list := func(told []views.Told) []Difference {
		out := []Difference{}
		for _, t := range told {
			d := Difference{Kind: string(t.Kind), Text: escape.Text(t.Text), Calls: []string{}}
			for _, c := range t.Calls {
				d.Calls = append(d.Calls, escape.Text(c))
			}
			out = append(out, d)
		}
		return out
	}
	return Comparison{Differences: list(x.Differences()), OneSided: list(x.OneSided()), Text: text}
}
