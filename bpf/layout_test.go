package bpf

import (
	"reflect"
	"strings"
	"testing"
	"unicode"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
)

// The C structs of record.h and their Go twins have the same fields at the
// same places, in the objects of this architecture.
func TestLayout(t *testing.T) {
	spec, err := loadWithBTF()
	if err != nil {
		t.Fatal(err)
	}
	for name, twin := range map[string]any{
		"record": Record{}, "control": Control{}, "fork_payload": ForkPayload{},
		"exec_payload": ExecPayload{}, "rename_payload": RenamePayload{}, "end_payload": EndPayload{},
	} {
		var c *btf.Struct
		if err := spec.Types.TypeByName(name, &c); err != nil {
			t.Fatal(err)
		}
		g := reflect.TypeOf(twin)
		if got, want := g.Size(), uintptr(c.Size); got != want {
			t.Errorf("%s: got %d bytes in Go, want %d as in C", name, got, want)
		}
		if got, want := g.NumField(), len(c.Members); got != want {
			t.Errorf("%s: got %d fields in Go, want %d as in C", name, got, want)
			continue
		}
		for i, m := range c.Members {
			f := g.Field(i)
			if got, want := f.Offset, uintptr(m.Offset.Bytes()); got != want {
				t.Errorf("%s.%s: got offset %d in Go, want %d as in C", name, m.Name, got, want)
			}
			if f.Name != "_" && !strings.EqualFold(f.Name, camel(m.Name)) {
				t.Errorf("%s: field %d is %s in Go and %s in C", name, i, f.Name, m.Name)
			}
		}
	}
}

func camel(name string) string {
	var s strings.Builder
	up := true
	for _, r := range name {
		if r == '_' {
			up = true
			continue
		}
		if up {
			r = unicode.ToUpper(r)
		}
		up = false
		s.WriteRune(r)
	}
	return s.String()
}

// Both variants define the same programs and constants, so that the loader
// treats them alike.
func TestVariantsAgree(t *testing.T) {
	with, err := loadWithBTF()
	if err != nil {
		t.Fatal(err)
	}
	without, err := loadWithoutBTF()
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range with.Programs {
		q := without.Programs[name]
		if q == nil {
			t.Errorf("no program %s without BTF", name)
			continue
		}
		if p.Type != ebpf.Tracing || q.Type != ebpf.RawTracepoint {
			t.Errorf("%s: got types %v and %v", name, p.Type, q.Type)
		}
	}
	for name := range with.Variables {
		if without.Variables[name] == nil && !strings.HasPrefix(name, "shared_") {
			t.Errorf("no constant %s without BTF", name)
		}
	}
	for _, name := range append(append(append([]string{}, Lives...), Exits...), Enter...) {
		if with.Programs[name] == nil {
			t.Errorf("no program for tracepoint %s", name)
		}
	}
}

func TestTagHoldsItsParts(t *testing.T) {
	tag := uint64(32) | uint64(RecordExit)<<16 | uint64(ABICompat)<<24 | uint64(0xffffffff)<<32
	if Size(tag) != 32 || KindOf(tag) != RecordExit || ABIOf(tag) != ABICompat || Nr(tag) != -1 {
		t.Errorf("got %d %d %d %d", Size(tag), KindOf(tag), ABIOf(tag), Nr(tag))
	}
}
