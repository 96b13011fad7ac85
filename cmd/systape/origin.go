package main

import (
	"encoding/json"
	"path/filepath"
)

// tableOrigin is the metadata of a table that was made of captures: where it
// comes from.
func tableOrigin(in *input, paths []string) map[string]string {
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
