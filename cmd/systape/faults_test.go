package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"systape/format"
)

// The bounds that hold for whatever a file holds.
const (
	faultCases  = 500 // in make test; SYSTAPE_FAULTS asks for more
	faultTime   = 20 * time.Second
	faultMemory = 300 << 20
)

// faultAnswers are what damaged files are asked, in turn.
var faultAnswers = [][]string{{"dump"}, {"latency", "--format", "json", "--top", "0"}, {"sequences", "--format", "json"}, {"verify", "--format", "json"},
	{"info", "--format", "json"}, {"replay", "--format", "jsonl"}, {"audit", "--format", "jsonl"}, {"seccomp", "--format", "json"}, {"pair", "-o", "-"}}

// faultBase is a file that is damaged, and what it answers whole.
type faultBase struct {
	name    string
	bytes   []byte
	answers []string
	codes   []int
}

// TestFaults damages captures, spools, bundles and calls tables where their
// structure is: sizes, offsets, counts, types and values that make no sense, cut
// off, doubled, swapped, put together of two files; and writes files that are
// whole by their checksums and hold what makes no sense. No case may panic,
// hang or take more than 300 MiB, and none may exit with 0 and another answer
// than the whole file gives, unless it is told that the capture is incomplete, or
// the file is whole by its checksums: then it is another capture.
func TestFaults(t *testing.T) {
	cases := faultCases
	if s := os.Getenv("SYSTAPE_FAULTS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n <= 0 {
			t.Fatalf("SYSTAPE_FAULTS=%s: want a number", s)
		}
		cases = n
	} else if testing.Short() {
		t.Skip("make test and make faults run it")
	}
	dir := t.TempDir()
	bases := faultBases(t, dir)
	counts := map[string]int{}
	for n := range cases {
		r := rand.New(rand.NewPCG(17, uint64(n)))
		b := &bases[r.IntN(len(bases))]
		var damaged []byte
		var forged bool
		if r.IntN(8) == 0 {
			damaged, forged = absurdCapture(t, r), true
		} else {
			damaged, forged = damage(r, b, bases)
		}
		ask := r.IntN(len(faultAnswers))
		outcome := faultCase(t, n, dir, b, damaged, ask, forged)
		counts[outcome]++
		if t.Failed() {
			break
		}
	}
	peak := peakMemory()
	t.Logf("%d cases: %v; at most %d MiB of memory", cases, counts, peak>>20)
	if !t.Failed() && peak > faultMemory {
		t.Errorf("%d MiB of memory, want at most %d", peak>>20, faultMemory>>20)
	}
}

// faultCase asks one damaged file, and returns how that ended.
func faultCase(t *testing.T, n int, dir string, b *faultBase, damaged []byte, ask int, forged bool) string {
	path := filepath.Join(dir, "damaged"+filepath.Ext(b.name))
	if err := os.WriteFile(path, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	type result struct {
		code                  int
		stdout, stderr, panic string
	}
	done := make(chan result, 1)
	ctx, cancel := context.WithTimeout(context.Background(), faultTime)
	defer cancel()
	go func() {
		var r result
		defer func() {
			if p := recover(); p != nil {
				r.panic = fmt.Sprintf("%v\n%s", p, debug.Stack())
			}
			done <- r
		}()
		var out, errs bytes.Buffer
		r.code = run(ctx, append(slices.Clone(faultAnswers[ask]), path), strings.NewReader(""), &out, &errs)
		r.stdout, r.stderr = faultAnswer(out.String(), path), errs.String()
		if strings.Contains(errs.String(), "internal error") || strings.Contains(errs.String(), "panic") {
			r.panic = errs.String()
		}
	}()
	var r result
	select {
	case r = <-done:
	case <-time.After(faultTime + 5*time.Second):
		r.panic = "it hangs"
	}
	what := fmt.Sprintf("case %d, of %s, asked %v", n, b.name, faultAnswers[ask])
	if r.panic != "" || ctx.Err() != nil {
		keep(t, n, b, damaged)
		t.Errorf("%s: %s, %v", what, r.panic, ctx.Err())
		return "failed"
	}
	switch {
	case r.code != 0:
		return "refused"
	case forged:
		return "another capture"
	case r.stdout == b.answers[ask] && r.code == b.codes[ask]:
		return "the same"
	case strings.Contains(r.stderr, "the capture is incomplete after"): // what is there to the damage, and that it is not all
		return "cut off, and said"
	case ask == 4 || ask == 3: // info tells the sizes of files, verify counts them
		return "the same but for sizes"
	}
	keep(t, n, b, damaged)
	t.Errorf("%s: exit code 0 and another answer\ngot:  %.1500s\nwant: %.1500s", what, r.stdout, b.answers[ask])
	return "failed"
}

// keep keeps a file that something went wrong with.
func keep(t *testing.T, n int, b *faultBase, damaged []byte) {
	path := filepath.Join(os.TempDir(), fmt.Sprintf("systape-fault-%d%s", n, filepath.Ext(b.name)))
	if os.WriteFile(path, damaged, 0o600) == nil {
		t.Logf("kept as %s", path)
	}
}

// faultAnswer is an answer without the name of the file.
func faultAnswer(s, path string) string {
	return strings.NewReplacer(path, "FILE", filepath.Base(path), "FILE").Replace(s)
}

// faultBases are the files that are damaged.
func faultBases(t *testing.T, dir string) []faultBase {
	t.Helper()
	var bases []faultBase
	add := func(path string) {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b := faultBase{name: filepath.Base(path), bytes: raw}
		for _, args := range faultAnswers {
			code, stdout, _ := commandLine(t, append(slices.Clone(args), path)...)
			b.answers, b.codes = append(b.answers, faultAnswer(stdout, path)), append(b.codes, code)
		}
		bases = append(bases, b)
	}
	spool := latencyCapture(t, []byte(pairTwoCalls+"1400 lost count=5 first=1400 last=1450 enters=3 exits=2 cause=0 cpu=1\n1500 fork 7 -> 9\n1600 enter 9 openat(-100, 1, 2, 3) \"1=/etc/passwd\" comm=\"web\"\n1700 exit 9 openat = -13 comm=\"web\"\n"))
	small, calls, zipped := filepath.Join(dir, "small.parquet"), filepath.Join(dir, "calls.parquet"), filepath.Join(dir, "small.zip")
	for _, args := range [][]string{{"redact", spool, "-o", small}, {"pair", spool, "-o", calls}, {"bundle", spool, "--no-redact", "-o", zipped}} {
		if code, _, stderr := commandLine(t, args...); code != 0 {
			t.Fatalf("%q: %s", args, stderr)
		}
	}
	for _, path := range []string{spool, small, zipped, calls, "../../testdata/v2/story.parquet", "../../testdata/v2/story.spool", "../../testdata/v2/torn.spool"} {
		add(path)
	}
	return bases
}

// absurd are numbers that sizes, offsets, counts and times may pretend to be.
var absurd = []int64{0, 1, -1, 2, 127, 128, 255, 256, math.MaxInt16, math.MaxUint16, math.MaxInt32, math.MinInt32, math.MaxUint32, math.MaxInt64, math.MinInt64,
	math.MaxInt64 - 1, math.MinInt64 + 1, 1 << 30, 1 << 40, 1 << 62}

// damage changes a file. It is forged if its checksums were made right again.
func damage(r *rand.Rand, b *faultBase, bases []faultBase) (out []byte, forged bool) {
	out = bytes.Clone(b.bytes)
	for range 1 + r.IntN(3) {
		if len(out) < 16 {
			break
		}
		at := structural(r, out)
		n := 1 + r.IntN(min(64, len(out)-at))
		switch r.IntN(10) {
		case 0:
			out = out[:at]
		case 1:
			out[at] ^= 1 << r.IntN(8)
		case 2, 3: // a number of 4 or 8 bytes
			v := absurd[r.IntN(len(absurd))]
			if r.IntN(3) == 0 {
				v = int64(len(out)) + int64(r.IntN(5)) - 2
			}
			word := binary.LittleEndian.AppendUint64(nil, uint64(v))
			copy(out[at:], word[:4+4*r.IntN(2)])
		case 4: // a number as thrift writes it, of up to ten bytes
			v := binary.AppendUvarint(nil, uint64(absurd[r.IntN(len(absurd))]))
			out = slices.Concat(out[:at], v, out[min(len(out), at+r.IntN(len(v)+1)):])
		case 5: // doubled
			out = slices.Concat(out[:at+n], out[at:])
		case 6: // left out
			out = slices.Concat(out[:at], out[at+n:])
		case 7: // swapped with another place
			to := structural(r, out)
			n = min(n, len(out)-to)
			for i := range n {
				out[at+i], out[to+i] = out[to+i], out[at+i]
			}
		case 8:
			clear(out[at : at+n])
		case 9: // the end of another file
			other := bases[r.IntN(len(bases))].bytes
			out = slices.Concat(out[:at], other[r.IntN(len(other)):])
		}
	}
	if strings.HasSuffix(b.name, ".spool") && r.IntN(2) == 0 {
		forged = mendSpool(out)
	}
	return out, forged || bytes.Equal(out, b.bytes)
}

// structural chooses a place, half of the time one that tells about others: the
// footer, the head, the begin of a message or of a zip entry.
func structural(r *rand.Rand, b []byte) int {
	if r.IntN(2) == 0 {
		return r.IntN(len(b))
	}
	switch r.IntN(3) {
	case 0:
		return max(0, len(b)-1-r.IntN(min(len(b), 2048)))
	case 1:
		return r.IntN(min(len(b), 512))
	}
	marks := [][]byte{[]byte("\xff\xff\xff\xff"), []byte("STP1"), []byte("STPH"), []byte("PAR1"), []byte("PK\x01\x02"), []byte("\x28\xb5\x2f\xfd")}
	mark := marks[r.IntN(len(marks))]
	from := r.IntN(len(b))
	if i := bytes.Index(b[from:], mark); i >= 0 {
		return min(len(b)-1, from+i+r.IntN(24))
	}
	return from
}

// mendSpool makes the checksums of a spool's messages right again, so that what
// is in them is believed (FORMAT.md §5). It reports whether there was one.
func mendSpool(b []byte) (mended bool) {
	for at := 0; at+8 <= len(b) && binary.LittleEndian.Uint32(b[at:]) == math.MaxUint32; {
		n := int(int32(binary.LittleEndian.Uint32(b[at+4:])))
		if n < 8 || n > len(b)-at-8 {
			at += 8 // an end mark, or a size that makes no sense
			continue
		}
		next := bytes.Index(b[at+8+n:], []byte("\xff\xff\xff\xff"))
		end := len(b)
		if next >= 0 {
			end = at + 8 + n + next
		}
		sum := at + n // the last 8 of the n bytes: "STP1" and the checksum
		if string(b[sum:sum+4]) == "STP1" {
			c := crc32.New(crc32.MakeTable(crc32.Castagnoli))
			c.Write(b[at+8 : sum])
			c.Write(b[at+8+n : end])
			binary.LittleEndian.PutUint32(b[sum+4:], c.Sum32())
			mended = true
		}
		at = end
	}
	return mended
}

// absurdCapture writes a capture, whole by all its checksums, of rows that make
// no sense.
func absurdCapture(t *testing.T, r *rand.Rand) []byte {
	t.Helper()
	any := func() int64 { return absurd[r.IntN(len(absurd))] + int64(r.IntN(3)) }
	meta := &format.Meta{Version: format.Version, CaptureID: strings.Repeat("0", 32), Tool: "test", Complete: r.IntN(2) == 0,
		Part:    format.Part{Number: 1, Last: true},
		Clock:   format.Clock{OffsetNS: any(), Anchors: []format.Anchor{{TS: any(), RealNS: any()}, {TS: any(), RealNS: any()}}},
		Probes:  []format.Probe{{Name: "sys_enter", AttachNS: any(), DetachNS: any()}, {Name: "sys_exit", AttachNS: any(), DetachNS: any()}},
		Counts:  &format.Counts{PerCPU: []format.CPUCounts{{CPU: 0, Enters: max(0, any()), Exits: max(0, any())}}},
		Request: format.Request{Sample: int(int32(any())), BufferSize: any(), DurationNS: any()}}
	var out bytes.Buffer
	w, err := format.NewParquetWriter(&out, meta)
	if err != nil {
		t.Fatal(err)
	}
	ts := any()
	b := format.NewBatch(format.NewSymbolTable(), 64)
	for i := range 1 + r.IntN(60) {
		if step := any(); r.IntN(4) == 0 && step > 0 && ts <= math.MaxInt64-step {
			ts += step
		} else if ts < math.MaxInt64-10 {
			ts += int64(r.IntN(10))
		}
		e := format.Event{TS: ts, Seq: int64(i), Kind: format.Kind(r.IntN(int(format.NumKinds))), CPU: int32(r.IntN(3)), PID: int32(7 + r.IntN(2)), TID: int32(7 + r.IntN(3)), Nr: -1}
		if r.IntN(3) > 0 {
			e.Kind = format.Kind(r.IntN(2))
		}
		if e.Kind == format.Enter || e.Kind == format.Exit || e.Kind == format.Count {
			e.Nr, e.Syscall = int32(r.IntN(5)), "read"
		}
		if e.Kind == format.Exit {
			e.Ret = any()
		} else {
			for k := range e.Args {
				if r.IntN(2) == 0 {
					e.Args[k] = any()
				}
			}
		}
		if r.IntN(6) == 0 {
			e.Detail = []string{"1=/etc/passwd", "9=?", "=", "ret=?", "\n\n", "0=\\x"}[r.IntN(6)]
		}
		b.Append(e)
	}
	// What the writer itself refuses would be no file of ours.
	if err := errors.Join(w.Write(b), w.Close(meta)); err != nil {
		return []byte("PAR1 " + err.Error())
	}
	return out.Bytes()
}

// peakMemory is the most memory that the program has had in use, 0 if the
// system does not tell.
func peakMemory() int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmHWM:" {
			kib, _ := strconv.ParseInt(f[1], 10, 64)
			return kib << 10
		}
	}
	return 0
}
