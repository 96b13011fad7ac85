package parquet

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"systape/format/internal/columnar"
)

// everyShape returns a column of each kind, and of the shapes that its encoder
// treats in ways of their own.
func everyShape(n int) (cols []columnar.Column, values []columnar.Values) {
	rng := rand.New(rand.NewPCG(3, 4))
	add := func(name string, c columnar.Column, v columnar.Values) {
		c.Name, c.Stats = name, c.Type != columnar.Float64 && c.Type != columnar.Bool
		cols, values = append(cols, c), append(values, v)
	}
	ints := func(f func(i int) int64) columnar.Values {
		v := columnar.Values{Int64: make([]int64, n)}
		for i := range v.Int64 {
			v.Int64[i] = f(i)
		}
		return v
	}
	texts := func(f func(i int) string) columnar.Values {
		v := columnar.Values{Strings: make([]string, n)}
		for i := range v.Strings {
			v.Strings[i] = f(i)
		}
		return v
	}
	number := columnar.Column{Type: columnar.Int64}
	add("rising", columnar.Column{Type: columnar.Int64, Delta: true}, ints(func(i int) int64 { return int64(i) * 97 }))
	add("any delta", columnar.Column{Type: columnar.Int64, Delta: true}, ints(func(int) int64 { return int64(rng.Uint64()) }))
	add("one value", number, ints(func(int) int64 { return -3 }))
	add("two in turn", number, ints(func(i int) int64 { return int64(i % 2) }))
	add("one, late another", number, ints(func(i int) int64 { return int64(i / (n - n/9)) }))
	add("runs", number, ints(func(i int) int64 { return int64(i / 13 % 5) }))
	add("256", number, ints(func(i int) int64 { return int64(i % 256) }))
	add("257", number, ints(func(i int) int64 { return int64(i * i % 257) }))
	add("too many", number, ints(func(i int) int64 { return int64(rng.Uint64()) }))
	add("no dictionary", columnar.Column{Type: columnar.Int64, NoDict: true}, ints(func(i int) int64 { return int64(i % 3) }))
	small := columnar.Values{Int32: make([]int32, n)}
	for i := range small.Int32 {
		small.Int32[i] = int32(rng.IntN(1 + i/1000))
	}
	add("more and more", columnar.Column{Type: columnar.Int32}, small)
	turns := columnar.Values{Int32: make([]int32, n)}
	for i := range turns.Int32 {
		turns.Int32[i] = int32(i % 2 * -5)
	}
	add("two in turn, of 32 bits", columnar.Column{Type: columnar.Int32}, turns)
	add("no text", columnar.Column{Type: columnar.String}, texts(func(int) string { return "" }))
	add("few texts", columnar.Column{Type: columnar.String}, texts(func(i int) string { return strings.Repeat("a", i%11) }))
	add("many texts", columnar.Column{Type: columnar.String}, texts(func(i int) string { return fmt.Sprint("file ", rng.IntN(5000)) }))
	add("more text than a dictionary takes", columnar.Column{Type: columnar.String}, texts(func(i int) string { return fmt.Sprint("a file with a long name, number ", i) }))
	add("text as it is", columnar.Column{Type: columnar.String, NoDict: true}, texts(func(i int) string { return fmt.Sprint(i % 7) }))
	add("no UTF-8", columnar.Column{Type: columnar.String}, texts(func(i int) string { return string([]byte{byte(i)}) }))
	ids := columnar.Values{IDs: make([]uint32, n)}
	for i := range 300 {
		ids.List = append(ids.List, fmt.Sprint("name", i))
	}
	for i := range ids.IDs {
		ids.IDs[i] = uint32(i / 7 % len(ids.List))
	}
	add("ids", columnar.Column{Type: columnar.String}, ids)
	codes := columnar.Values{Codes: make([]byte, n), Words: columnar.NewWords([]string{"enter", "exit", "lost"})}
	for i := range codes.Codes {
		codes.Codes[i] = byte(rng.IntN(3))
	}
	add("codes", columnar.Column{Type: columnar.String}, codes)
	yes := columnar.Values{Bools: make([]bool, n)}
	part := columnar.Values{Float64: make([]float64, n)}
	for i := range n {
		yes.Bools[i], part.Float64[i] = rng.IntN(2) == 0, rng.Float64()
	}
	add("yes or no", columnar.Column{Type: columnar.Bool}, yes)
	add("parts", columnar.Column{Type: columnar.Float64}, part)
	return cols, values
}

// keysOf returns the same rows as positions among values, of which some are no
// row's; v as it is where there are too many.
func keysOf(v columnar.Values) columnar.Values {
	var keys []int16
	k := columnar.Values{List: v.List, Words: v.Words}
	switch {
	case v.Int64 != nil:
		k.Int64, keys = tableOf(v.Int64, -77)
	case v.Int32 != nil:
		k.Int32, keys = tableOf(v.Int32, -77)
	case v.IDs != nil:
		k.IDs, keys = tableOf(v.IDs, 0)
	case v.Codes != nil:
		k.Codes, keys = tableOf(v.Codes, 0)
	case v.Strings != nil:
		k.Strings, keys = tableOf(v.Strings, "no row's")
	}
	if keys == nil {
		return v
	}
	k.Keys = keys
	return k
}

// tableOf returns the distinct values of rows, the last first, and unused among
// them.
func tableOf[T comparable](rows []T, unused T) (table []T, keys []int16) {
	at := map[T]int{}
	table = []T{unused}
	for i := len(rows) - 1; i >= 0; i-- {
		if _, ok := at[rows[i]]; !ok {
			at[rows[i]] = len(table)
			table = append(table, rows[i])
			if len(at) == 1 && slices.ContainsFunc(rows, func(v T) bool { return v != rows[i] }) {
				table = append(table, slices.Repeat([]T{unused}, 255)...) // the next key ends in the same byte
			}
		}
	}
	if len(at) == 1 {
		table, at[rows[0]] = table[1:], 0
	} else {
		table = append(table, unused)
	}
	if len(table) > 1<<15 {
		return nil, nil
	}
	for _, v := range rows {
		keys = append(keys, int16(at[v]))
	}
	return table, keys
}

// TestFilesDoNotDependOnRuns writes the same rows, as they come in runs of one
// length and another, by one worker and by several, as rows, as keys and as both in
// turn, for two row groups.
func TestFilesDoNotDependOnRuns(t *testing.T) {
	for _, rows := range []int{5, 2000, 60_000} {
		cols, values := everyShape(rows)
		write := func(run, workers, keyed int) []byte {
			var b bytes.Buffer
			w, err := NewWriter(&b, cols, "test")
			if err != nil {
				t.Fatal(err)
			}
			w.Workers = workers
			part := make([]columnar.Values, len(cols))
			for range 2 {
				for from := 0; from < rows; from += run {
					to := min(from+run, rows)
					for i := range values {
						part[i] = values[i].Run(from, to)
						if keyed > 0 && from/run%keyed == 0 && !cols[i].Delta {
							part[i] = keysOf(part[i])
							if i > 0 && slices.Equal(part[i].Keys, part[i-1].Keys) {
								part[i].Keys = part[i-1].Keys
							}
						}
					}
					if run >= rows {
						err = w.WriteGroup(part, rows)
					} else if err = w.Add(part, to-from); err == nil && to == rows {
						err = w.EndGroup()
					}
					if err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := w.Close(nil, "check"); err != nil {
				t.Fatal(err)
			}
			return b.Bytes()
		}
		want := write(rows, 1, 0)
		for _, run := range []int{1, 7, 8, 255, 256, 257, 8192} {
			if run >= rows || rows/run > 10_000 {
				continue
			}
			for _, how := range [][2]int{{1, 0}, {3, 0}, {1, 1}, {3, 2}} {
				workers, keyed := how[0], how[1]
				if keyed > 0 && rows/run > 300 {
					continue
				}
				if got := write(run, workers, keyed); !bytes.Equal(got, want) {
					at := 0
					for got[at] == want[at] {
						at++
					}
					t.Errorf("%d rows in runs of %d by %d workers, keys in one of %d: another file from byte %d on", rows, run, workers, keyed, at)
				}
			}
		}
	}
}
