package main

import (
	"encoding/json"
	"path/filepath"

	"systape/cmd/systape/internal/views"
)

// tableOrigin is the metadata of a table that was made of captures: where it
// comes from.
func tableOrigin(in views.Capture, paths []string) map[string]string {
	m := in.Meta()
	sources := make([]string, len(paths))
	for i, p := range paths {
		sources[i] = filepath.Base(p)
	}
	doc := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			panic("pair: internal error: " + err.Error())
		}
		return string(b)
	}
	if m, several := in.(views.Machines); several {
		return map[string]string{
			"systape.table":    doc("calls"),
			"systape.tool":     doc("systape " + version),
			"systape.sources":  doc(sources),
			"systape.captures": doc(m.Each()),
		}
	}
	return map[string]string{
		"systape.table":    doc("calls"),
		"systape.format":   doc(m.Version),
		"systape.tool":     doc("systape " + version),
		"systape.sources":  doc(sources),
		"systape.capture":  doc(m.CaptureID),
		"systape.complete": doc(m.Complete),
		"systape.host":     doc(m.Host),
		"systape.clock":    doc(m.Clock),
		"systape.request":  doc(m.Request),
		"systape.probes":   doc(m.Probes),
	}
}
