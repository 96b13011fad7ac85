package replay_test

import (
	"strings"
	"testing"

	"systape/format"
	"systape/replay"
)

func TestNotes(t *testing.T) {
	calls, _, names := pairAll(t, nil, format.MustParseText(`
		1000 enter 7 getpid
		1001 exit 7 getpid = 7
		1002 enter 9 getpid comm="old"
		1003 exit 9 getpid = 9
		1010 exit 7 openat = -1 comm="jail"
		1020 exit 7 openat = -1 comm="jail"
		1030 exit 7 ptrace = -1 comm="jail"
		1040 exit 9 uname = 63 comm="trap"
		1100 enter 7 io_uring_setup(8, 0x7f00)
		1110 exit 7 io_uring_setup = 5
		1120 enter 7 io_uring_setup(8, 0x7f00)
		1130 exit 7 io_uring_setup = -1
		1140 enter 7 io_uring_enter(5, 1, 1, 1)
		1150 exit 7 io_uring_enter = 1
		1160 enter 9 io_uring_enter(5, 1, 1, 1)
	`))
	var n replay.Notes
	n.Add(calls[:3])
	n.Add(calls[3:])
	var got strings.Builder
	for _, d := range n.DeniedByProcess(names) {
		got.WriteString(names.String(d.Comm) + " " + names.String(d.Syscall) + " ")
		got.WriteString(strings.Repeat("x", int(d.Count)) + "\n")
	}
	if want := "jail openat xx\njail ptrace x\ntrap uname x\n"; got.String() != want || n.Denied != 4 {
		t.Errorf("denied: got %d\n%swant 4\n%s", n.Denied, got.String(), want)
	}
	want := "io_uring is in use (1 ring set up, entered 2 times by 2 threads): reads, writes and the like that went through rings are not in this capture"
	if got := n.IOUring(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := new(replay.Notes).IOUring(); got != "" {
		t.Errorf("without io_uring: got %q", got)
	}
}
