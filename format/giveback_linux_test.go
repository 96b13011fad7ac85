package format_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"systape/format"
	"systape/internal/readers"
)

// giving is a recording whose spool is given back behind the sealer.
type giving struct {
	*recording
	sealer *format.Sealer
}

func beginGiving(t *testing.T, path string, ev []format.Event) *giving {
	t.Helper()
	f, err := os.OpenFile(format.SpoolName(path), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	w, err := format.NewSpoolFile(f, testMeta())
	if err != nil {
		t.Fatal(err)
	}
	r := &recording{t, path, f, w, batches(ev, 8000)}
	r.write(1)
	s, err := format.NewSealer(format.SpoolName(path), path, format.SealOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return &giving{r, s}
}

// seal seals what is there, and gives it back.
func (g *giving) seal() {
	g.t.Helper()
	for more := true; more; {
		var err error
		if more, err = g.sealer.Step(g.spool.Bytes()); err != nil {
			g.t.Fatal(err)
		}
	}
	if err := g.sealer.GiveBack(); err != nil {
		g.t.Fatal(err)
	}
}

// onDisk is how many bytes of the disk a file takes.
func onDisk(t *testing.T, path string) int64 {
	t.Helper()
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return st.Sys().(*syscall.Stat_t).Blocks * 512
}

// While a recording goes on, its spool takes no more of the disk than what is
// not in row groups of the capture yet. Whoever reads it gets everything, whenever it
// began to, and the capture in the end is the same as any other.
func TestSpoolIsGivenBackBehindTheSealer(t *testing.T) {
	ev := events(5, 5*groupRows)
	path := filepath.Join(t.TempDir(), "trace.parquet")
	spool := format.SpoolName(path)
	g := beginGiving(t, path, ev)
	const ahead = 40 // batches, more than a reader takes before it is asked
	g.write(ahead)
	early, err := format.Open([]string{spool}, format.ReadOptions{}) // is overtaken
	if err != nil {
		t.Fatal(err)
	}
	defer early.Close()
	var first format.Batch
	if err := early.Next(&first); err != nil {
		t.Fatal(err)
	}
	overtaken := []format.Event{}
	for i := range first.N {
		overtaken = append(overtaken, first.At(i))
	}
	most := int64(0)
	for written := 1 + ahead; len(g.bs) > 0; written++ {
		g.write(1)
		g.seal()
		most = max(most, onDisk(t, spool))
		if written%16 == 0 {
			got, _, err := read(t, []string{spool}, format.ReadOptions{})
			if !errors.Is(err, format.ErrIncomplete) {
				t.Fatalf("after %d batches: %v", written, err)
			}
			same(t, got, ev[:len(got)])
			if want := (written + 1) * 8000; len(got) != min(want, len(ev)) {
				t.Fatalf("got %d events after %d batches", len(got), written)
			}
		}
	}
	if !g.sealer.GaveBack() {
		t.Fatal("nothing was given back: the file system of the tests cannot punch holes")
	}
	if whole := g.spool.Bytes(); most > whole*2/5 {
		t.Errorf("the spool had up to %d bytes on the disk, of %d that were written", most, whole)
	}
	for {
		err := early.Next(&first)
		if errors.Is(err, format.ErrIncomplete) {
			break
		}
		if err != nil {
			t.Fatalf("the reader that was overtaken after %d events: %v", len(overtaken), err)
		}
		for i := range first.N {
			overtaken = append(overtaken, first.At(i))
		}
	}
	same(t, overtaken, ev)
	if in, err := format.ReadInfo([]string{spool}, format.ReadOptions{}); err != nil || in.Bytes > g.spool.Bytes() || in.Rows != int64(len(ev)) {
		t.Errorf("info: %+v, %v", in, err)
	}

	t.Run("recover", func(t *testing.T) {
		saved := filepath.Join(t.TempDir(), "saved.parquet")
		res, err := format.Recover(spool, saved, format.FileOptions{})
		if err != nil || res.Rows != int64(len(ev)) || res.Lost != 0 {
			t.Fatalf("%+v, %v", res, err)
		}
		got, _, _ := read(t, []string{saved}, format.ReadOptions{})
		same(t, got, ev)
	})
	t.Run("pipe", func(t *testing.T) {
		in, err := os.Open(spool)
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		r, err := format.Open([]string{"-"}, format.ReadOptions{Stdin: io.MultiReader(in)})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		var b format.Batch
		if err := r.Next(&b); err == nil || !strings.Contains(err.Error(), "read the file by its name") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("other readers", func(t *testing.T) {
		out, err := exec.Command(readers.Python(t), "-c", `import sys, pyarrow.ipc, polars
t = pyarrow.ipc.open_stream(sys.argv[1]).read_all()
p = polars.read_ipc_stream(sys.argv[1])
assert t["seq"].to_pylist() == p["seq"].to_list() and t["comm"].to_pylist() == p["comm"].to_list()
print(t["seq"][-1].as_py())`, spool).CombinedOutput()
		if err != nil || string(out) != fmt.Sprintln(len(ev)-1) {
			t.Errorf("%v: %s", err, out)
		}
	})
	t.Run("others keep off", func(t *testing.T) {
		_, err := format.CreateUnfinished(path, format.FileOptions{Force: true})
		if err == nil || !exists(format.PartialName(path)) {
			t.Errorf("another file took the place of %s: %v", format.PartialName(path), err)
		}
	})

	if err := g.spool.Close(completed()); err != nil {
		t.Fatal(err)
	}
	res, err := g.sealer.Finish()
	if err != nil || res.Rows != int64(len(ev)) {
		t.Fatalf("%+v, %v", res, err)
	}
	got, _, err := read(t, []string{path}, format.ReadOptions{})
	if err != io.EOF {
		t.Error(err)
	}
	same(t, got, ev)
	if exists(spool) || exists(format.PartialName(path)) {
		t.Error("the spool or the partial file is still there")
	}
}

// A sealer that fails after it gave something back leaves all rows.
func TestSealerThatFailsKeepsWhatItGaveBack(t *testing.T) {
	ev := events(6, 2*groupRows)
	path := filepath.Join(t.TempDir(), "trace.parquet")
	g := beginGiving(t, path, ev)
	g.write(len(g.bs) - 1)
	g.seal()
	g.sealer.Abort()
	if !g.sealer.GaveBack() {
		t.Fatal("nothing was given back")
	}
	g.write(1)
	if _, err := format.NewSealer(format.SpoolName(path), path, format.SealOptions{}); err == nil {
		t.Error("a second sealer began anew where rows are missing")
	}
	if err := g.spool.Close(completed()); err != nil {
		t.Fatal(err)
	}
	res, err := format.Recover(format.SpoolName(path), path, format.FileOptions{})
	if err != nil || res.Rows != int64(len(ev)) || !res.Complete {
		t.Fatalf("%+v, %v", res, err)
	}
	got, _, err := read(t, []string{path}, format.ReadOptions{})
	if err != io.EOF {
		t.Error(err)
	}
	same(t, got, ev)
}

// What the spool gave back is gone: readers say so, and recover saves the rest.
func TestSpoolWithoutItsPartialFile(t *testing.T) {
	ev := events(7, 2*groupRows)
	path := filepath.Join(t.TempDir(), "trace.parquet")
	g := beginGiving(t, path, ev)
	g.write(len(g.bs))
	g.seal()
	if err := os.Remove(format.PartialName(path)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := read(t, []string{format.SpoolName(path)}, format.ReadOptions{}); err == nil || !strings.Contains(err.Error(), "trace.parquet.partial") {
		t.Errorf("got %v", err)
	}
	res, err := format.Recover(format.SpoolName(path), path, format.FileOptions{})
	if err != nil || res.Lost == 0 || res.Rows+res.Lost != int64(len(ev)) {
		t.Errorf("%+v, %v", res, err)
	}
}

// The child of the test below: it records, seals, gives back and finishes.
func TestGivingChild(t *testing.T) {
	path := os.Getenv("SYSTAPE_GIVING")
	if path == "" {
		t.Skip("not by itself")
	}
	runtime.LockOSThread() // strace counts calls for each thread
	g := beginGiving(t, path, events(8, 2*groupRows+20_000))
	for i := 0; len(g.bs) > 0; i++ {
		g.write(1)
		if i%9 == 8 {
			g.seal()
		}
	}
	if err := g.spool.Close(completed()); err != nil {
		t.Fatal(err)
	}
	if _, err := g.sealer.Finish(); err != nil {
		t.Fatal(err)
	}
}

// The recorder is killed at each of the system calls by which files change. All
// that was on the spool can be had, in every case, and recover makes one file of it.
func TestKilledAtEveryStepOfGivingBack(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed")
	}
	ev := events(8, 2*groupRows+20_000)
	kills, published := 0, 0
	for _, call := range []struct {
		name  string
		after int // calls passed over
		step  int
	}{{"fallocate", 0, 1}, {"pwrite64", 0, 1}, {"fsync", 0, 1}, {"linkat", 0, 1}, {"unlinkat", 0, 1}, {"write", 3, 37}} {
		for when := call.after + 1; ; when += call.step {
			dir := t.TempDir()
			path := filepath.Join(dir, "trace.parquet")
			c := exec.Command(strace, "-f", "-qq", "-o", filepath.Join(dir, "log"), "-e", "trace="+call.name,
				"-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", call.name, when), os.Args[0], "-test.run=^TestGivingChild$")
			c.Env = append(os.Environ(), "SYSTAPE_GIVING="+path)
			if c.Run() == nil {
				break // it was not called so often
			}
			kills++
			where := fmt.Sprintf("killed at %s %d", call.name, when)
			if exists(path) {
				got, _, err := read(t, []string{path}, format.ReadOptions{})
				if err != io.EOF || len(got) != len(ev) {
					t.Errorf("%s: %d events, %v", where, len(got), err)
				}
				published++
				continue
			}
			st, err := os.Stat(format.SpoolName(path))
			if errors.Is(err, fs.ErrNotExist) || err == nil && st.Size() == 0 {
				continue // nothing was recorded
			}
			got, _, err := read(t, []string{format.SpoolName(path)}, format.ReadOptions{})
			if err != io.EOF && !errors.Is(err, format.ErrIncomplete) {
				t.Errorf("%s: after %d events: %v", where, len(got), err)
				continue
			}
			same(t, got, ev[:len(got)])
			res, err := format.Recover(format.SpoolName(path), path, format.FileOptions{})
			if err != nil || res.Rows != int64(len(got)) || res.Lost != 0 {
				t.Errorf("%s: recover: %+v, %v", where, res, err)
				continue
			}
			got, _, _ = read(t, []string{path}, format.ReadOptions{})
			same(t, got, ev[:len(got)])
			os.RemoveAll(dir)
		}
	}
	t.Logf("killed %d times, %d of them after the capture had its name", kills, published)
	if kills < 15 {
		t.Errorf("killed %d times only", kills)
	}
}
