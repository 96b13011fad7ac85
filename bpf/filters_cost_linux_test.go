package bpf

import (
	"testing"

	"github.com/cilium/ebpf/rlimit"

	"systape/internal/kerneltest"
)

// A filter that is not used costs nothing: the verifier has taken its code out.
// What is left of the programs of system calls is what it says here of the
// kernel that runs the test, less some for others.
func TestKernelRunsOnlyTheFiltersInUse(t *testing.T) {
	kerneltest.Require(t)
	if err := rlimit.RemoveMemlock(); err != nil {
		t.Fatal(err)
	}
	size := func(cfg Config) (n int) {
		cfg.BufferBytes, cfg.Writers = 1<<20, new(WritersAlone)
		k, err := Load(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer k.Close()
		for _, name := range []string{"sys_enter", "sys_exit"} {
			info, err := k.collection.Programs[name].Info()
			if err != nil {
				t.Fatal(err)
			}
			instructions, err := info.Instructions()
			if err != nil {
				t.Fatal(err)
			}
			n += len(instructions)
		}
		return n
	}
	plain := size(Config{})
	t.Logf("no filter: %d instructions", plain)
	for name, cfg := range map[string]Config{
		"processes": {FilterPIDs: true}, "names": {Comms: []string{"a"}}, "patterns": {CommPatterns: []string{"a*"}}, "users": {UIDs: []uint32{1}},
		"sampling": {Sample: true}, "failed": {Failed: true}, "duration": {LeastDuration: 1},
	} {
		n := size(cfg)
		t.Logf("%s: %d", name, n)
		if n <= plain {
			t.Errorf("%s: %d instructions, without any filter %d", name, n, plain)
		}
	}
	const most = 640 // 605 here, 587 before there were filters by whole calls
	if plain > most {
		t.Errorf("no filter: %d instructions, more than %d", plain, most)
	}
}
