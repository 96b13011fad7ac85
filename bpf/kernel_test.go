package bpf

import (
	"os"
	"syscall"
	"testing"
	"time"
)

func TestLoadSmoke(t *testing.T) {
	for _, noBTF := range []bool{false, true} {
		k, err := Load(Config{BufferBytes: 1 << 20, NoBTF: noBTF, FilterPIDs: true, SelfTGID: 0})
		if err != nil {
			t.Fatalf("%v: %+v", noBTF, err)
		}
		k.AddTarget(uint32(os.Getpid()))
		if err := k.Attach("sched_process_fork", "sched_process_exec", "task_rename", "sched_process_exit", "sys_exit", "sys_enter"); err != nil {
			t.Fatal(err)
		}
		for i := 0; i < 1000; i++ {
			syscall.Getppid()
		}
		k.Detach("sys_enter", "sys_exit")
		time.Sleep(10 * time.Millisecond)
		for _, b := range k.Buffers {
			t.Logf("%+v", *b.Control)
			n := 0
			for p := uint64(0); p < b.Control.Head; {
				r := b.At(p)
				if n < 4 {
					t.Logf("%d %d %d ts %d %d/%d", Size(r.Tag), KindOf(r.Tag), Nr(r.Tag), r.TS, r.PidTgid>>32, uint32(r.PidTgid))
				}
				n++
				p += Size(r.Tag)
			}
		}
		k.Close()
	}
}
