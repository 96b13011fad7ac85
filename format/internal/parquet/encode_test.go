package parquet

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// withSlack copies b so that a decoder may look a little behind its end, and
// no further.
func withSlack(b []byte) []byte {
	return append(slices.Clone(b), make([]byte, slack)...)[: len(b) : len(b)+slack]
}

func runsOf(kind string, n int) []int64 {
	rng := rand.New(rand.NewPCG(7, uint64(n)))
	v := make([]int64, n)
	for i := range v {
		switch kind {
		case "constant":
			v[i] = -7
		case "rising":
			v[i] = int64(i) * 1000
		case "jitter":
			v[i] = int64(i)*1000 + rng.Int64N(999)
		case "any":
			v[i] = int64(rng.Uint64())
		case "extremes":
			v[i] = []int64{math.MinInt64, math.MaxInt64, 0, -1}[i%4]
		}
	}
	return v
}

func appendDelta(dst []byte, v []int64) []byte {
	var d deltas
	d.add(v)
	return d.appendTo(dst)
}

func TestDeltaRoundTrip(t *testing.T) {
	for _, kind := range []string{"constant", "rising", "jitter", "any", "extremes"} {
		for _, n := range []int{0, 1, 2, 31, 32, 33, 127, 128, 129, 130, 1000, 4097} {
			want := runsOf(kind, n)
			page := withSlack(appendDelta(nil, want))
			for _, step := range []int{1, 7, 32, 100, n + 1} {
				var d delta
				if err := d.reset(page, n); err != nil {
					t.Fatal(err)
				}
				got := make([]int64, n)
				for from := 0; from < n; from += step {
					if err := d.read(got[from:min(from+step, n)]); err != nil {
						t.Fatalf("%s, %d values, %d at a time: %v", kind, n, step, err)
					}
				}
				if !slices.Equal(got, want) {
					t.Fatalf("%s, %d values, %d at a time: not what was written", kind, n, step)
				}
				if err := d.read(make([]int64, 1)); err == nil {
					t.Fatalf("%s, %d values: one more could be read", kind, n)
				}
			}
		}
	}
}

func TestHybridRoundTrip(t *testing.T) {
	for width := 1; width <= 32; width++ {
		dict := make([]uint32, min(1<<width, 5000))
		for i := range dict {
			dict[i] = uint32(i)
		}
		for _, n := range []int{0, 1, 7, 8, 9, 15, 16, 17, 100, 1001} {
			for name, repeat := range map[string]int{"mixed": 1, "pairs": 2, "runs": 9, "long runs": 50, "one run": n + 1} {
				rng := rand.New(rand.NewPCG(uint64(width), uint64(n)))
				want := make([]uint32, n)
				for i := range want {
					if i == 0 || rng.IntN(repeat) == 0 {
						want[i] = rng.Uint32N(uint32(len(dict)))
					} else {
						want[i] = want[i-1]
					}
				}
				page := withSlack(appendHybrid(nil, want, width))
				for _, step := range []int{1, 5, 64, n + 1} {
					var h hybrid
					h.reset(page, uint(width))
					got := make([]uint32, n)
					for from := 0; from < n; from += step {
						if err := dictRows(&h, got[from:min(from+step, n)], dict); err != nil {
							t.Fatalf("width %d, %d values, %s, %d at a time: %v", width, n, name, step, err)
						}
					}
					if !slices.Equal(got, want) {
						t.Fatalf("width %d, %d values, %s, %d at a time: not what was written", width, n, name, step)
					}
				}
			}
		}
	}
}

func TestIndicesOutsideTheDictionaryAreErrors(t *testing.T) {
	for _, width := range []int{1, 2, 3, 8, 16, 20} {
		for _, idx := range [][]uint32{{0, 1, 0, 1, 0, 1, 0, 1}, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}} {
			var h hybrid
			h.reset(withSlack(appendHybrid(nil, idx, width)), uint(width))
			if err := dictRows(&h, make([]string, len(idx)), []string{"only one"}); err != errDictIndex {
				t.Errorf("width %d: got %v, want %v", width, err, errDictIndex)
			}
		}
	}
}

func TestIntDictFindsEveryValue(t *testing.T) {
	var d intDict[int64]
	var idx indexes
	for _, kind := range []string{"constant", "any", "extremes", "rising"} {
		for _, n := range []int{0, 1, 1000, 40_000} {
			vals := runsOf(kind, n)
			seen := map[int64]bool{}
			for _, v := range vals {
				seen[v] = true
			}
			for _, step := range []int{1, 7, 255, 256, 257, n + 1} {
				encode := func(limit int) (done int) {
					d.reset()
					idx.reset()
					for done < n {
						run := min(step, n-done)
						took := d.add(&idx, vals[done:done+run], limit)
						if done += took; took < run {
							break
						}
					}
					return done
				}
				if done := encode(n); done < n {
					t.Fatalf("%s, %d values, %d at a time: gave up at %d", kind, n, step, done)
				}
				i := 0
				idx.each(func(x uint32) {
					if d.values[x] != vals[i] {
						t.Fatalf("%s, %d at a time: value %d is %d, want %d", kind, step, i, d.values[x], vals[i])
					}
					i++
				})
				if i != n || len(seen) != len(d.values) {
					t.Errorf("%s, %d at a time: %d positions, %d entries for %d values of %d", kind, step, i, len(d.values), n, len(seen))
				}
				for _, limit := range []int{1, 255, 256, 257, len(seen) - 1} {
					if limit > 0 && limit < len(seen) {
						if done := encode(limit); done == n || done != idx.rows || !slices.Equal(vals[:done], positions(&idx, d.values)) {
							t.Errorf("%s, %d at a time: %d of %d values, %d of them distinct, went into a dictionary of %d", kind, step, done, n, len(seen), limit)
						}
					}
				}
			}
		}
	}
}

func positions[T any](idx *indexes, values []T) (v []T) {
	idx.each(func(x uint32) { v = append(v, values[x]) })
	return v
}

// seed gives a fuzz seed a name, which a failing run prints.
func seed(f *testing.F, name string, b []byte) { f.Add(name, b) }

func FuzzDelta(f *testing.F) {
	seed(f, "three-values", appendDelta(nil, []int64{5, 3, 1 << 60}))
	seed(f, "two-blocks", appendDelta(nil, runsOf("jitter", 200)))
	seed(f, "width-65", append(binary.AppendUvarint(nil, 128), 4, 10, 0, 0, 65, 0, 0, 0))
	seed(f, "no-miniblocks", []byte{128, 1, 0, 10, 0})
	seed(f, "huge-count", []byte{128, 1, 4, 0xff, 0xff, 0xff, 0xff, 0x7, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, _ string, b []byte) {
		b = withSlack(b)
		for _, n := range []int{0, 3, 10, 200, 1 << 20} {
			var d delta
			if d.reset(b, n) != nil {
				continue
			}
			got := make([]int64, 77)
			for range 4 {
				if d.read(got) != nil {
					break
				}
			}
		}
	})
}

func FuzzHybrid(f *testing.F) {
	seed(f, "runs-and-packed", appendHybrid(nil, []uint32{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 3, 2, 1}, 3))
	seed(f, "empty-runs", []byte{0, 0, 0, 0, 0, 0})
	seed(f, "huge-run", []byte{0xfe, 0xff, 0xff, 0xff, 0x0f, 1})
	seed(f, "huge-packed", []byte{0xff, 0xff, 0xff, 0xff, 0x0f, 1})
	dict := []string{"a", "b", "c", "d"}
	f.Fuzz(func(t *testing.T, _ string, b []byte) {
		b = withSlack(b)
		for _, width := range []uint{0, 1, 2, 3, 8, 16, 31, 32} {
			var h hybrid
			h.reset(b, width)
			got := make([]string, 100)
			for range 4 {
				if dictRows(&h, got, dict) != nil {
					break
				}
			}
			h.reset(b, 1)
			h.allOnes(1000)
		}
	})
}

func FuzzThrift(f *testing.F) {
	seed(f, "page-header", []byte{21, 0, 21, 20, 21, 46, 44, 21, 20, 21, 10, 21, 6, 21, 6, 28, 0, 0, 0})
	seed(f, "list-of-a-billion", []byte{0x29, 0xfc, 0x80, 0x94, 0xeb, 0xdc, 0x03})
	seed(f, "nested-structs", []byte{0x1c, 0x1c, 0x1c, 0x1c, 0x1c, 0x1c, 0x1c, 0x1c, 0x1c, 0x1c, 0x1c, 0x1c, 0x1c, 0x1c, 0x1c, 0x1c, 0x1c, 0x1c, 0x1c, 0x1c, 0x1c, 0x1c, 0x1c, 0x1c, 0x1c, 0x1c, 0x1c, 0x1c, 0x1c, 0x1c, 0x1c, 0x1c, 0x1c, 0x1c, 0x1c})
	f.Fuzz(func(t *testing.T, _ string, b []byte) {
		parsePageHeader(b)
		foot := Footer{Start: int64(len(b))}
		if foot.parse(b) == nil {
			foot.Sum("")
		}
	})
}

// BYTE_STREAM_SPLIT is the bytes of the values, transposed.
func TestSplitNumbersAreJoined(t *testing.T) {
	for _, size := range []int{4, 8} {
		var plain []byte
		for i := range 1000 {
			for b := range size {
				plain = append(plain, byte(i*31+b*7))
			}
		}
		for _, n := range []int{0, 1, 2, 1000} {
			want := plain[:n*size]
			var split []byte
			for b := range size {
				for i := range n {
					split = append(split, want[i*size+b])
				}
			}
			got, err := joined(nil, split, size, n)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d values of %d bytes: got %x and %v, want %x", n, size, got, err, want)
			}
			if _, err := joined(nil, append(split, 0), size, n); err == nil {
				t.Errorf("%d values of %d bytes: a byte too many is no error", n, size)
			}
		}
	}
}

// A table without rows may have a row group, with places that mean nothing.
func TestEmptyGroupsAreNowhere(t *testing.T) {
	for rows, want := range map[int64]bool{0: true, 1: false} {
		f := Footer{Rows: rows, Schema: make([]Node, 2), Start: 100, Groups: []Group{{Rows: rows, Chunks: []Chunk{{Values: rows}}}}}
		if err := f.validate(); (err == nil) != want {
			t.Errorf("%d rows: got %v", rows, err)
		}
	}
}
