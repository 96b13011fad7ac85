package format

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// arrange puts the parts of one recording in order, drops spools whose
// capture is there too, and warns about parts that are missing.
func arrange(parts []*part, opt *ReadOptions) ([]*part, error) {
	for _, p := range parts[1:] {
		if p.meta.CaptureID != parts[0].meta.CaptureID {
			return parts, &SeveralError{First: parts[0].name, Other: p.name, Nodes: nodesOf(parts)}
		}
	}
	slices.SortStableFunc(parts, func(a, b *part) int {
		return cmp.Or(cmp.Compare(a.meta.Part.Number, b.meta.Part.Number), cmpBool(a.spool, b.spool),
			cmp.Compare(a.meta.Part.FirstSeq, b.meta.Part.FirstSeq), cmp.Compare(a.name, b.name))
	})
	out := parts[:0]
	for _, p := range parts {
		if n := len(out); n > 0 && out[n-1].meta.Part.Number == p.meta.Part.Number {
			if p.spool && !out[n-1].spool {
				p.close() // sealed, and the recorder was stopped before it could delete the spool
				continue
			}
			if p.meta.Selection != nil && out[n-1].meta.Selection != nil {
				out = append(out, p)
				continue
			}
			return append(out, parts[len(out):]...), fmt.Errorf("%s and %s are the same part %d of the recording", out[n-1].name, p.name, p.meta.Part.Number)
		}
		out = append(out, p)
	}
	for _, gap := range missingParts(out) {
		opt.Warn(gap)
	}
	if n := out[0].meta.Part; n.Rotation && n.Number > 1 {
		opt.Warn(fmt.Errorf("%s is part %d of the recording: calls that began before are cut", out[0].name, n.Number))
	}
	for _, p := range out {
		for _, note := range p.notes() {
			opt.Warn(note)
		}
	}
	return out, nil
}

func cmpBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// missingParts names the parts that are not there. Of a recording that was cut
// into parts on purpose the first ones need not be.
func missingParts(parts []*part) (missing []error) {
	if selected(parts) {
		return nil // whoever chose rows may have chosen among the parts
	}
	want := 1
	if parts[0].meta.Part.Rotation {
		want = parts[0].meta.Part.Number
	}
	for _, p := range parts {
		n := p.meta.Part.Number
		switch {
		case n == 0: // the only one
		case n == want+1:
			missing = append(missing, fmt.Errorf("%w: part %d of the recording is missing", ErrIncomplete, want))
		case n > want:
			missing = append(missing, fmt.Errorf("%w: parts %d to %d of the recording are missing", ErrIncomplete, want, n-1))
		}
		want = n + 1
	}
	return missing
}

// selected reports whether any of the parts is a selection of rows.
func selected(parts []*part) bool {
	return slices.ContainsFunc(parts, func(p *part) bool { return p.meta.Selection != nil })
}

// wholeness returns io.EOF if the parts are a complete capture, and otherwise
// says what they lack.
func wholeness(parts []*part) error {
	last := parts[len(parts)-1]
	var rows int64
	for _, p := range parts {
		if p.pq != nil {
			rows += p.pq.foot.Rows
		} else {
			rows += p.sp.start
		}
	}
	inc := &IncompleteError{File: last.name, Rows: rows}
	sel := last.meta.Selection
	recovered := recoveredPart(parts)
	switch missing := missingParts(parts); {
	case sel != nil && sel.Of < 0:
		return io.EOF // nothing is said about what it was taken from
	case len(missing) > 0:
		inc.Why = strings.TrimPrefix(missing[0].Error(), ErrIncomplete.Error()+": ")
	case recovered != nil:
		inc.File, inc.Why = recovered.name, recovered.meta.Recovered
	case last.meta.Part.Number != 0 && !last.meta.Part.Last && !last.meta.Part.Rotation && sel == nil:
		inc.Why = fmt.Sprintf("part %d is not the last of the recording", last.meta.Part.Number)
	case !last.meta.Complete:
		inc.Why = "the recorder did not end properly"
	default:
		return io.EOF
	}
	return inc
}

// recoveredPart returns the last part that says that it was recovered, nil if
// there is none.
func recoveredPart(parts []*part) *part {
	for _, p := range slices.Backward(parts) {
		if p.meta.Recovered != "" {
			return p
		}
	}
	return nil
}

// mergeMeta returns the metadata of a capture of several parts.
func mergeMeta(parts []*part) *Meta {
	first, last := parts[0].meta, parts[len(parts)-1].meta
	m := *first
	if len(parts) == 1 {
		return &m
	}
	m.Clock.Anchors = nil
	for _, p := range parts {
		m.Clock.Anchors = append(m.Clock.Anchors, p.meta.Clock.Anchors...)
		if p.meta.Part.Rows >= 0 && m.Part.Rows >= 0 && p.meta != first {
			m.Part.Rows += p.meta.Part.Rows
		} else if p.meta.Part.Rows < 0 {
			m.Part.Rows = -1
		}
	}
	m.Probes, m.Counts, m.Cost = last.Probes, last.Counts, last.Cost
	m.Complete, m.Recovered, m.Part.Last = last.Complete, last.Recovered, last.Part.Last
	if p := recoveredPart(parts); p != nil && p.meta != last {
		m.Complete, m.Recovered = false, p.meta.Recovered
		m.Counts = nil // they are of all events
	}
	if len(missingParts(parts)) > 0 {
		m.Complete, m.Counts = false, nil
	}
	return &m
}
