package out

import (
	"bytes"
	"io"
)

// Object writes a JSON object key by key and its lists one by one, so that a
// long one need not be in memory as a whole. Errors stay until Close.
type Object struct {
	w   io.Writer
	any bool
	err error
}

// NewObject begins an object.
func NewObject(w io.Writer) *Object {
	o := &Object{w: w}
	o.put("{")
	return o
}

func (o *Object) put(s string) {
	if o.err == nil {
		_, o.err = io.WriteString(o.w, s)
	}
}

func (o *Object) value(v any) {
	b, err := marshal(v, "")
	if o.err == nil {
		o.err = err
	}
	o.put(string(bytes.TrimSuffix(b, []byte("\n"))))
}

func (o *Object) name(key string) {
	if o.any {
		o.put(",")
	}
	o.any = true
	o.value(key)
	o.put(":")
}

// Key writes a key with its value.
func (o *Object) Key(key string, v any) {
	o.name(key)
	o.value(v)
}

// List writes a key with a list of what each hands to add.
func (o *Object) List(key string, each func(add func(v any))) {
	o.name(key)
	o.put("[")
	some := false
	each(func(v any) {
		if some {
			o.put(",")
		}
		some = true
		o.value(v)
	})
	o.put("]")
}

// Close ends the object and the line, and returns the first error.
func (o *Object) Close() error {
	o.put("}\n")
	return o.err
}
