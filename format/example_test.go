package format_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"systape/format"
)

// Range over the events of a capture, whatever it is made of: a Parquet file, a
// spool, a folder with parts.
func ExampleReader_Events() {
	r, err := format.Open([]string{"../testdata/v2/story.parquet"}, format.ReadOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	n := 0
	for e, err := range r.Events() {
		if err != nil {
			log.Fatal(err) // errors.Is(err, format.ErrIncomplete): all events before the end were given
		}
		if e.Kind == format.Exit && n < 3 {
			fmt.Printf("%d %q %s = %d\n", e.TS, format.UnescapeText(e.Comm), e.Syscall, e.Ret)
			n++
		}
	}
	// Output:
	// 1040 "web\xff" read = 12
	// 1140 "" write = 4
	// 2856 "worker-1" newfstatat = 0
}

// Read columns, the fast way: only those that are asked for are decoded, and
// names are compared as numbers.
func ExampleReader_Next() {
	r, err := format.Open([]string{"../testdata/v2/story.parquet"}, format.ReadOptions{Columns: format.ColKind | format.ColSyscall})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	calls := map[format.Symbol]int{}
	var b format.Batch
	for err = r.Next(&b); err == nil; err = r.Next(&b) {
		for i, kind := range b.Kind {
			if kind == format.Enter {
				calls[b.Syscall[i]]++
			}
		}
	}
	sym, _ := r.Symbols().Lookup("read")
	fmt.Println(calls[sym], "reads;", err)
	// Output: 39 reads; EOF
}

// What a capture says about itself.
func ExampleReader_Meta() {
	r, err := format.Open([]string{"../testdata/v1/workload.parquet"}, format.ReadOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	m := r.Meta()
	fmt.Println(m.Tool, "recorded", m.Request.Command, "on", m.Host.Arch)
	fmt.Println("format", m.Version, "complete", m.Complete, "lost", m.Counts.Total().Lost())
	// Output:
	// systape 0.1.0 recorded [sh testdata/workload.sh] on x86_64
	// format 1 complete true lost 0
}

// Write a capture: a file that appears under its name when it is whole.
func ExampleParquetWriter() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	write := func(name string) error {
		file, err := format.CreateUnfinished(name, format.FileOptions{})
		if err != nil {
			return err
		}
		defer file.Abort() // does nothing once it is published
		meta := &format.Meta{
			Version: format.Version, CaptureID: "00112233445566778899aabbccddeeff", Tool: "example",
			Part: format.Part{Number: 1, Last: true}, Complete: true,
		}
		w, err := format.NewParquetWriter(file, meta)
		if err != nil {
			return err
		}
		b := format.NewBatch(format.NewSymbolTable(), 2)
		b.Append(format.Event{TS: 1000, Seq: 0, Kind: format.Enter, PID: 7, TID: 7, Nr: 39, Syscall: "getpid", Comm: format.EscapeText("caf\xe9")})
		b.Append(format.Event{TS: 1200, Seq: 1, Kind: format.Exit, PID: 7, TID: 7, Nr: 39, Syscall: "getpid", Ret: 7})
		if err := w.Write(b); err != nil {
			return err
		}
		if err := w.Close(meta); err != nil {
			return err
		}
		return file.Publish(nil)
	}
	name := filepath.Join(dir, "trace.parquet")
	fmt.Println(write(name), errors.Is(write(name), os.ErrExist))
	r, err := format.Open([]string{name}, format.ReadOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	fmt.Println(format.WriteDump(os.Stdout, r))
	// Output:
	// <nil> true
	// #: systape.format 2
	// #: systape.capture "00112233445566778899aabbccddeeff"
	// #: systape.tool "example"
	// #: systape.host {"name":"","kernel":"","arch":"","cpus":0,"boot_id":"","distribution":""}
	// #: systape.clock {"offset_ns":0,"anchors":null}
	// #: systape.request {"follow":false,"all":false,"sample":0,"buffer_bytes":0,"hook":""}
	// #: systape.part {"number":1,"first_seq":0,"rows":2,"last":true}
	// #: systape.complete true
	// 1000 enter 7/7 getpid() comm="caf\\xe9"
	// 1200 exit 7/7 getpid = 7
	// <nil>
}

// Events as text, for test cases.
func ExampleMustParseText() {
	events := format.MustParseText(`
		1000 enter 7/8 openat(-100, 0x7f00, 0)
		1500 exit  7/8 openat = -2`)
	fmt.Println(len(events), events[1].Syscall, events[1].Ret)
	// Output: 2 openat -2
}

// Check a capture against the rules of FORMAT.md.
func ExampleVerify() {
	rep, err := format.Verify(context.Background(), []string{"../testdata/v2/torn.spool"}, format.ReadOptions{})
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range rep.Rules {
		if f.State != format.Holds {
			fmt.Println(f.Rule, f.State)
		}
	}
	// Output: R12 fails
}
