package zframe

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/zstd"
)

var general, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true))

// back decodes a frame with a decoder that knows nothing of how it was made,
// and with ours: it must do all of Rising and Counting, or say that it does not.
func back(t *testing.T, frame, want []byte) {
	t.Helper()
	ours := make([]byte, len(want))
	if Decode(ours, frame) && !bytes.Equal(ours, want) {
		t.Fatalf("our decoder: %d bytes differ", len(want))
	}
	got, err := general.DecodeAll(frame, make([]byte, 0, len(want)))
	if err != nil {
		t.Fatalf("decode: %v", err)
	}
	if !bytes.Equal(got, want) {
		for i := range want {
			if i >= len(got) || got[i] != want[i] {
				t.Fatalf("byte %d of %d differs, %d decoded", i, len(want), len(got))
			}
		}
		t.Fatalf("%d bytes decoded, want %d", len(got), len(want))
	}
}

var lengths = []int{0, 1, 2, 3, 4, 5, 255, 256, 257, 511, 512, 513, 700, 768, 769, 1023, 1024, 1025, 4096, 8191, 8192, 16384}

func TestCountingAnyNumbers(t *testing.T) {
	var e Encoder
	for _, n := range lengths {
		for _, first := range []int64{0, 1, 255, 256, 300, 65000, 65536 - 8192, 65536 - 256, 1<<24 - 700, 1<<40 - 4097, -5000, math.MaxInt64 - 3} {
			v := make([]int64, n)
			for i := range v {
				v[i] = first + int64(i)
			}
			frame := e.Counting(nil, first, n)
			back(t, frame, bytesOf(v))
			if !Decode(bytesOf(v), frame) {
				t.Errorf("from %d, %d numbers: not decoded by us", first, n)
			}
			if n == 8192 && len(frame) > 1300 {
				t.Errorf("from %d: %d numbers take %d bytes", first, n, len(frame))
			}
		}
	}
}

func TestRisingAnyNumbers(t *testing.T) {
	var e Encoder
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range lengths {
		for _, step := range []int64{0, 1, 100, 300, 5_000, 70_000, 10_000_000, 1 << 33, 1 << 55} {
			v := make([]int64, n)
			at := int64(1795700000) * 1e9
			for i := range v {
				if step > 0 {
					at += r.Int64N(2 * step)
				}
				v[i] = at
			}
			frame := e.Rising(nil, v)
			back(t, frame, bytesOf(v))
			if !Decode(bytesOf(v), frame) {
				t.Errorf("steps of %d, %d numbers: not decoded by us", step, n)
			}
			if bytes := float64(len(frame)) / 8192; n == 8192 && (step <= 300 && bytes > 2.2 || step <= 70_000 && bytes > 3.2) {
				t.Errorf("steps of %d: %.2f bytes for each number", step, bytes)
			}
		}
	}
	v := make([]int64, 3000)
	for i := range v {
		v[i] = int64(r.Uint64()) >> (r.UintN(64))
	}
	back(t, e.Rising(nil, v), bytesOf(v))
}

func TestRepeatingAnything(t *testing.T) {
	var e Encoder
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 3))
		n := lengths[r.IntN(len(lengths))]
		width := []int{2, 4, 8}[r.IntN(3)]
		values := 1 + r.IntN(1<<r.IntN(13))
		b := bytesOf(make([]uint64, n*width/8+1))[:n*width]
		run, value := 0, uint64(0)
		for i := range n {
			if run == 0 {
				run, value = 1+r.IntN(1<<r.IntN(12)), r.Uint64N(uint64(values))*0x0101010101
			}
			run--
			var w [8]byte
			for k := range w {
				w[k] = byte(value >> (8 * k))
			}
			copy(b[i*width:], w[:width])
		}
		back(t, e.Repeating(nil, b), b)
	}
}

func TestRepeatingIsSmall(t *testing.T) {
	var e Encoder
	v := make([]int64, 8192)
	for _, c := range []struct {
		name string
		fill func(i int) int64
		max  int
	}{
		{"constant", func(int) int64 { return 0x7f1234567890 }, 50},
		{"by turns", func(i int) int64 { return int64(i%2) * 4711 }, 50},
		{"every seventh differs", func(i int) int64 {
			if i%7 == 0 {
				return int64(i)
			}
			return 3
		}, 8192 * 2},
	} {
		for i := range v {
			v[i] = c.fill(i)
		}
		frame := e.Repeating(nil, bytesOf(v))
		back(t, frame, bytesOf(v))
		if len(frame) > c.max {
			t.Errorf("%s: %d bytes", c.name, len(frame))
		}
	}
}

// Any damage is seen, or does no harm: what is decoded is what the general
// decoder makes of the same bytes.
func TestDecodeDamage(t *testing.T) {
	var e Encoder
	v := make([]int64, 700)
	for i := range v {
		v[i] = 1795700000e9 + int64(i)*997
	}
	for _, frame := range [][]byte{e.Rising(nil, v), e.Counting(nil, 1000, 700), e.Zeros(nil, 5600)} {
		for i := range frame {
			for _, bit := range []byte{1, 2, 4, 8, 16, 32, 64, 128} {
				bad := bytes.Clone(frame)
				bad[i] ^= bit
				ours := make([]byte, 5600)
				if !Decode(ours, bad) {
					continue
				}
				theirs, err := general.DecodeAll(bad, make([]byte, 0, 5600))
				if err != nil || !bytes.Equal(ours, theirs) {
					t.Fatalf("byte %d, bit %#x: decoded, and the general decoder says %v", i, bit, err)
				}
			}
		}
		for n := range frame {
			if Decode(make([]byte, 5600), frame[:n]) {
				t.Fatalf("decoded when cut to %d bytes", n)
			}
		}
	}
}

func TestTurnsOfTheTable(t *testing.T) {
	var e Encoder
	e.turn = 1<<16 - 3
	for k := range 10 {
		v := make([]int64, 100)
		for i := range v {
			v[i] = int64(i % (3 + k))
		}
		back(t, e.Repeating(nil, bytesOf(v)), bytesOf(v))
	}
}

func BenchmarkEncoder(b *testing.B) {
	var e Encoder
	r := rand.New(rand.NewPCG(1, 2))
	const n = 8192
	times, turns, random, mixed := make([]int64, n), make([]int64, n), make([]int16, n), make([]int64, n)
	for i := range times {
		times[i] = 1795700000e9 + int64(i)*100 + r.Int64N(90)
		turns[i] = int64(i%2) * 4711
		random[i] = int16(r.IntN(2))
		if i%2 == 0 {
			mixed[i] = int64(r.IntN(40))
		}
	}
	var dst []byte
	frame, turns2 := e.Rising(nil, times), make([]int64, n)
	for _, c := range []struct {
		name string
		f    func() []byte
	}{
		{"rising", func() []byte { return e.Rising(dst[:0], times) }},
		{"rising-back", func() []byte { Decode(bytesOf(turns2), frame); return frame }},
		{"counting", func() []byte { return e.Counting(dst[:0], 1_000_000, n) }},
		{"repeating-by-turns", func() []byte { return e.Repeating(dst[:0], bytesOf(turns)) }},
		{"repeating-two-codes-at-random", func() []byte { return e.Repeating(dst[:0], bytesOf(random)) }},
		{"repeating-small-numbers", func() []byte { return e.Repeating(dst[:0], bytesOf(mixed)) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				dst = c.f()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
			b.ReportMetric(float64(len(dst))/n, "B/row")
			b.ReportMetric(0, "ns/op")
		})
	}
	_ = fmt.Sprint
}
