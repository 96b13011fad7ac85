package redact

import "slices"

// Inventory is what a capture holds that somebody may not want to give away,
// by kind.
type Inventory struct {
	Kinds     []*Kind
	Addresses int64 // registers and results that are addresses, all of them blurred
}

// Kind is one sort of text, with what becomes of it.
type Kind struct {
	Name     string
	Distinct int64     // at most maxDistinct are told apart
	Kept     int64     // among them: what every system has
	Examples []Example // all others

	seen map[string]bool
}

// Example is a text and its pseudonym.
type Example struct {
	Text      string `json:"text"`
	Pseudonym string `json:"pseudonym,omitempty"`
}

const maxDistinct = 1 << 16

// Full reports whether there may be more than Distinct.
func (k *Kind) Full() bool { return k.Distinct >= maxDistinct }

func (v *Inventory) add(kind, text, pseudonym string) {
	if kind == "" || text == "" {
		return
	}
	i := slices.IndexFunc(v.Kinds, func(k *Kind) bool { return k.Name == kind })
	if i < 0 {
		i = len(v.Kinds)
		v.Kinds = append(v.Kinds, &Kind{Name: kind, seen: map[string]bool{}})
	}
	k := v.Kinds[i]
	if k.seen[text] || len(k.seen) >= maxDistinct {
		return
	}
	k.seen[text] = true
	k.Distinct++
	if text == pseudonym {
		k.Kept++
		return
	}
	k.Examples = append(k.Examples, Example{text, pseudonym})
}

// Found returns what was met so far.
func (r *Redactor) Found() *Inventory { return &r.found }
