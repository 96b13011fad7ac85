package format

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"systape/format/internal/columnar"
)

// metaPrefix begins every metadata key of ours.
const metaPrefix = "systape."

// maxMetaBytes bounds the metadata that a reader accepts, all keys together.
const maxMetaBytes = 16 << 20

// pairs returns m as metadata: for each field a key, in the order of the
// fields, with one JSON document.
func (m *Meta) pairs() ([]columnar.Pair, error) {
	v := reflect.ValueOf(m).Elem()
	out := make([]columnar.Pair, 0, v.NumField())
	size := 0
	for i := range v.NumField() {
		name, opts, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if opts == "omitempty" && v.Field(i).IsZero() {
			continue
		}
		doc, err := json.Marshal(v.Field(i).Interface())
		if err != nil {
			return nil, fmt.Errorf("metadata %s: %w", name, err)
		}
		size += len(name) + len(doc)
		out = append(out, columnar.Pair{Key: metaPrefix + name, Value: string(doc)})
	}
	if size > maxMetaBytes {
		return nil, fmt.Errorf("metadata of %d bytes, at most %d can be stored", size, maxMetaBytes)
	}
	return out, nil
}

// metaFields are the places of Meta's fields by their keys.
var metaFields = func() map[string]int {
	fields := map[string]int{}
	t := reflect.TypeFor[Meta]()
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		fields[metaPrefix+name] = i
	}
	return fields
}()

// parseMeta is the inverse of pairs. Keys that are not ours are skipped, and
// so are keys of ours that this version does not know: later versions may add
// some. A capture without a version is none.
func parseMeta(pairs []columnar.Pair) (*Meta, error) {
	m := new(Meta)
	v := reflect.ValueOf(m).Elem()
	size := 0
	for _, p := range pairs {
		if size += len(p.Key) + len(p.Value); size > maxMetaBytes {
			return nil, fmt.Errorf("metadata of more than %d bytes", maxMetaBytes)
		}
		i, ok := metaFields[p.Key]
		if !ok {
			continue
		}
		if err := json.Unmarshal([]byte(p.Value), v.Field(i).Addr().Interface()); err != nil {
			return nil, fmt.Errorf("metadata %s: %w", p.Key, err)
		}
	}
	switch {
	case m.Version == 0:
		return nil, fmt.Errorf("%w: no metadata key %sformat", ErrNotCapture, metaPrefix)
	case m.Version < 0:
		return nil, fmt.Errorf("metadata %sformat: version %d", metaPrefix, m.Version)
	case m.Version > Version:
		return nil, fmt.Errorf("%w: format version %d, this program reads up to %d", ErrVersion, m.Version, Version)
	}
	return m, nil
}
