package replay

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"systape/format"
)

const everything = format.AllColumns

// tell is what a test compares of a call.
func tell(c *Call) string {
	s := fmt.Sprint(c.StartNS, c.DurNS, c.Status, c.EnterSeq, c.ExitSeq, c.Ret, c.Args, c.TID, c.Comm, c.Syscall, c.Detail, c.Told)
	if c.Files != nil {
		s += fmt.Sprint(c.Files.Paths)
	}
	return s
}

// openForStarts opens a capture with descriptors followed.
func openForStarts(t *testing.T, path string, f Filter) *Session {
	t.Helper()
	opt := Options{Columns: everything, Filter: f, Files: true}
	if path == "-" {
		data, err := os.ReadFile("../testdata/v1/workload.spool")
		if err != nil {
			t.Fatal(err)
		}
		opt.Stdin = struct{ io.Reader }{bytes.NewReader(data)}
	}
	s, err := Open([]string{path}, opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Whatever is held at once, and however many passes that takes, the calls are
// those of Each, in the order of their starts.
func TestByStart(t *testing.T) {
	for _, path := range []string{
		"../testdata/v1/workload.parquet", "../testdata/v1/torn.spool", "../testdata/v2/story.parquet", "../testdata/v2/compact-torn.spool", "-",
	} {
		for name, f := range map[string]Filter{"all": {}, "long": {MinDuration: 1000}, "one name": {Comms: []string{"sh"}}} {
			s := openForStarts(t, path, f)
			var want []Call
			if err := s.Each(context.Background(), func(calls []Call) error {
				want = append(want, calls...)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			coverage := s.Coverage()
			s.Close()
			slices.SortFunc(want, func(a, b Call) int { return keyOf(&a).compare(keyOf(&b)) })
			for i := 1; i < len(want); i++ {
				if keyOf(&want[i-1]) == keyOf(&want[i]) {
					t.Fatalf("%s: two calls share a place: %s and %s", path, tell(&want[i-1]), tell(&want[i]))
				}
			}
			for _, held := range []struct{ calls, bytes int }{{2, 1 << 30}, {7, 1 << 30}, {300, 1 << 30}, {5000, 100}, {len(want) - 1, 1 << 30}, {len(want) + 1, 1 << 30}} {
				if held.calls < 2 {
					continue
				}
				if held.calls < 300 && len(want) > 3000 {
					held.calls *= 100 // a pass for every few late calls would take long
				}
				s := openForStarts(t, path, f)
				n := 0
				err := s.byStart(context.Background(), held.calls, held.bytes, allCalls, func(calls []Call) error {
					for i := range calls {
						if n == len(want) || tell(&calls[i]) != tell(&want[n]) {
							return fmt.Errorf("call %d is %s", n, tell(&calls[i]))
						}
						n++
					}
					return nil
				})
				if err != nil || n != len(want) {
					t.Errorf("%s, %s, %d calls and %d bytes held: %d of %d calls in order, %v", path, name, held.calls, held.bytes, n, len(want), err)
				}
				if s.Coverage() != coverage {
					t.Errorf("%s, %s: coverage %v, not %v", path, name, s.Coverage(), coverage)
				}
				s.Close()
			}
		}
	}
}

// spoolOf returns the sample capture as a spool of many batches.
func spoolOf(t *testing.T) []byte {
	t.Helper()
	r, err := format.Open([]string{"../testdata/v1/workload.parquet"}, format.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var out bytes.Buffer
	meta := *r.Meta()
	meta.Version = format.Version
	w, err := format.NewSpoolWriter(&out, &meta)
	if err != nil {
		t.Fatal(err)
	}
	var b format.Batch
	part := format.NewBatch(r.Symbols(), 100)
	for {
		err := r.Next(&b)
		if err == io.EOF {
			return out.Bytes()
		} else if err != nil {
			t.Fatal(err)
		}
		for from := 0; from < b.N; from += 100 {
			part.Reset()
			part.AppendRows(&b, from, min(from+100, b.N))
			if err := w.Write(part); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A recording that goes on between the passes does not add to them.
func TestByStartOfGrowingSpool(t *testing.T) {
	data := spoolOf(t)
	path := filepath.Join(t.TempDir(), "growing.spool")
	passes := func(grow bool) (all []string) {
		if err := os.WriteFile(path, data[:len(data)*2/3], 0o600); err != nil {
			t.Fatal(err)
		}
		s := openForStarts(t, path, Filter{})
		defer s.Close()
		reopen := s.reopen
		s.reopen = func() (*format.Reader, error) {
			if grow {
				if err := os.WriteFile(path, data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			return reopen()
		}
		if err := s.byStart(context.Background(), 64, 1<<30, allCalls, func(calls []Call) error {
			for i := range calls {
				all = append(all, tell(&calls[i]))
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return all
	}
	want, got := passes(false), passes(true)
	if len(want) < 100 || !slices.Equal(want, got) {
		t.Errorf("%d calls of what stays as it is, %d when it grows", len(want), len(got))
	}
}

// A capture that shrinks between the passes is an error, not a short answer.
func TestByStartOfShrinkingSpool(t *testing.T) {
	data := spoolOf(t)
	path := filepath.Join(t.TempDir(), "shrinking.spool")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	s := openForStarts(t, path, Filter{})
	defer s.Close()
	reopen := s.reopen
	s.reopen = func() (*format.Reader, error) {
		if err := os.WriteFile(path, data[:len(data)*2/3], 0o600); err != nil {
			t.Fatal(err)
		}
		return reopen()
	}
	if err := s.byStart(context.Background(), 64, 1<<30, allCalls, func([]Call) error { return nil }); err == nil {
		t.Error("no error")
	}
}

func TestByStartStops(t *testing.T) {
	for _, held := range []int{100, 1 << 20} {
		s := openForStarts(t, "../testdata/v1/workload.parquet", Filter{})
		defer s.Close()
		n := 0
		if err := s.byStart(context.Background(), held, 1<<30, allCalls, func([]Call) error { n++; return ErrStop }); err != nil || n != 1 {
			t.Errorf("%d held: %d times, %v", held, n, err)
		}
	}
}
