package bpf

import (
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/cilium/ebpf"
)

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
	for _, name := range slices.Concat(Places, Lifecycle, Exits, Enters) {
		if with.Programs[name] == nil {
			t.Errorf("no program for tracepoint %s", name)
		}
	}
}

func TestTagHoldsItsParts(t *testing.T) {
	for _, lost := range []uint64{0, 1} {
		tag := uint64(32) | uint64(RecordExit)<<16 | uint64(ABICompat)<<24 | lost<<31 | uint64(0xffffffff)<<32
		if Size(tag) != 32 || KindOf(tag) != RecordExit || ABIOf(tag) != ABICompat || AfterLoss(tag) != (lost == 1) || Nr(tag) != -1 {
			t.Errorf("got %d %d %d %v %d", Size(tag), KindOf(tag), ABIOf(tag), AfterLoss(tag), Nr(tag))
		}
	}
}

// A buffer in parts holds the same positions as one in a piece: records stand
// without a break and without overlap.
func TestBufferPositions(t *testing.T) {
	const part, parts = 1 << 16, 4
	memory := make([]byte, parts*(ControlBytes+part+SlackBytes))
	b := NewBuffer(0, memory, parts)
	if b.Bytes != part*parts {
		t.Fatalf("got %d bytes, want %d", b.Bytes, part*parts)
	}
	at := func(position uint64) int {
		return int(uintptr(unsafe.Pointer(b.At(position))) - uintptr(unsafe.Pointer(b.At(0))))
	}
	for _, c := range []struct {
		position uint64
		want     int
	}{
		{8, 8}, {part - 8, part - 8},
		{part, part + ControlBytes + SlackBytes},
		{3*part + 16, 3*(part+ControlBytes+SlackBytes) + 16},
		{4 * part, 0}, {7*part - 8, 2*(part+ControlBytes+SlackBytes) + part - 8},
	} {
		if got := at(c.position); got != c.want {
			t.Errorf("position %d: got offset %d, want %d", c.position, got, c.want)
		}
	}
}
