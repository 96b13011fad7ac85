package bpf

import (
	"os"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf/rlimit"

	"systape/internal/kerneltest"
)

// Every variant and every combination of filters passes the verifier, and
// the records of a known call are as they should be.
func TestKernelAcceptsEveryVariant(t *testing.T) {
	kerneltest.Require(t)
	if err := rlimit.RemoveMemlock(); err != nil { // before 5.11
		t.Fatal(err)
	}
	var wanted SyscallFilter
	wanted.Wanted[0][syscall.SYS_GETPPID] = true
	var counts [2][TableSize]uint8
	counts[0][syscall.SYS_LSEEK] = 3
	var texts [2][TableSize]TextArguments // all there are, of one call that is not made here
	texts[0][syscall.SYS_SWAPON] = TextArguments{Names: 1, Addresses: 1, Messages: 1, Pairs: 1, AddressesBack: 1, MessagesBack: 1, Words: 1, Calls: 1}
	for name, cfg := range map[string]Config{
		"everything":           {},
		"by process":           {FilterPIDs: true},
		"with children":        {FilterPIDs: true, FollowChildren: true},
		"by name":              {Comms: []string{"nobody"}},
		"by user":              {UIDs: []uint32{0, 1}},
		"by call":              {Syscalls: &wanted},
		"all filters":          {FilterPIDs: true, FollowChildren: true, Comms: []string{"a"}, UIDs: []uint32{1}, Syscalls: &wanted},
		"by pattern":           {CommPatterns: []string{"no*body", "*x"}},
		"by outcome":           {Failed: true, LeastDuration: time.Hour},
		"drawn by lot":         {Sample: true},
		"every filter":         {FilterPIDs: true, FollowChildren: true, Comms: []string{"a"}, CommPatterns: []string{"b*"}, UIDs: []uint32{1}, Syscalls: &wanted, Sample: true, Failed: true, LeastDuration: time.Second},
		"names":                {Texts: TextsAlways},
		"names of what failed": {Texts: TextsFailed},
		"every filter, names":  {Texts: TextsAlways, FilterPIDs: true, FollowChildren: true, Comms: []string{"a"}, CommPatterns: []string{"b*"}, UIDs: []uint32{1}, Syscalls: &wanted, Sample: true, Failed: true, LeastDuration: time.Second},
		"drawn, mixed writers": {Sample: true, Writers: new(WritersMixed)},
		"preemption held off":  {Writers: new(WritersHold)},
		"mixed writers":        {Writers: new(WritersMixed)},
		"buffers in parts":     {PartBytes: 256 << 10},
	} {
		for _, noBTF := range []bool{false, true} {
			cfg.NoBTF, cfg.BufferBytes, cfg.Arguments, cfg.RecordSelf = noBTF, 1<<20, counts, true
			cfg.TextBytes, cfg.TextArguments = 256, texts
			variant := name + ", with BTF"
			if noBTF {
				variant = name + ", without BTF"
			}
			t.Run(variant, func(t *testing.T) {
				k, err := Load(cfg)
				if cfg.Writers != nil && ProgramsRefused(err) && !haveKfunc("bpf_preempt_disable") {
					t.Skipf("this kernel needs no protection of writers and knows none: %v", err)
				}
				if err != nil {
					t.Fatalf("%+v", err)
				}
				defer k.Close()
				if err := k.AddTarget(uint32(os.Getpid())); err != nil {
					t.Fatal(err)
				}
				if err := k.Attach(slices.Concat(Places, Lifecycle, Exits, Enters)...); err != nil {
					t.Fatal(err)
				}
				for c := range Classes {
					k.Open(c)
				}
				if len(cfg.Comms)+len(cfg.CommPatterns) > 0 || cfg.Failed || len(cfg.UIDs) > 0 && cfg.FilterPIDs {
					return
				}
				expectCall(t, k, cfg.Syscalls != nil)
			})
		}
	}
}

// expectCall makes two calls and looks for their records.
func expectCall(t *testing.T, k *Kernel, getppidOnly bool) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ppid, _, _ := syscall.RawSyscall(syscall.SYS_GETPPID, 0, 0, 0)
	syscall.RawSyscall(syscall.SYS_LSEEK, ^uintptr(0), 5, 7)
	if err := k.Detach(slices.Concat(Enters, Exits)...); err != nil {
		t.Fatal(err)
	}
	me := uint64(os.Getpid())<<32 | uint64(syscall.Gettid())
	seen := map[string]bool{}
	for _, b := range k.Buffers {
		for at := uint64(0); at < b.Control.Head; {
			r := b.At(at)
			at += Size(r.Tag)
			if r.PidTgid != me {
				continue
			}
			switch nr := Nr(r.Tag); {
			case nr == syscall.SYS_GETPPID && KindOf(r.Tag) == RecordEnter:
				seen["enter"] = Size(r.Tag) == uint64(RecordBytes)
			case nr == syscall.SYS_GETPPID && KindOf(r.Tag) == RecordExit:
				seen["exit"] = *Payload[int64](r) == int64(ppid)
			case nr == syscall.SYS_LSEEK && KindOf(r.Tag) == RecordEnter:
				seen["arguments"] = Size(r.Tag) == uint64(RecordBytes+24) && *Payload[[3]int64](r) == [3]int64{-1, 5, 7}
			case nr == syscall.SYS_LSEEK && KindOf(r.Tag) == RecordExit:
				seen["error"] = *Payload[int64](r) == -int64(syscall.EBADF)
			}
		}
	}
	if !seen["enter"] || !seen["exit"] {
		t.Errorf("getppid: got %v", seen)
	}
	if got, want := seen["arguments"] && seen["error"], !getppidOnly; got != want {
		t.Errorf("lseek: got %v, want recorded: %v", seen, want)
	}
}
