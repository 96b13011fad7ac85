package format

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
	"unsafe"

	"systape/format/abi"
)

// colData is the rows of one column, in the one form that its owner has them:
// numbers, strings, names, or small codes that stand for words. Writers take
// it in runs, so that no row is copied on its way.
type colData struct {
	i64   []int64
	i32   []int32
	f64   []float64
	bools []bool
	strs  []string
	syms  []Symbol // with names
	codes []byte
	words *wordTable // what codes mean
}

// run returns rows from…to.
func (d *colData) run(from, to int) colData {
	r := colData{words: d.words}
	switch {
	case d.i64 != nil:
		r.i64 = d.i64[from:to]
	case d.i32 != nil:
		r.i32 = d.i32[from:to]
	case d.f64 != nil:
		r.f64 = d.f64[from:to]
	case d.bools != nil:
		r.bools = d.bools[from:to]
	case d.strs != nil:
		r.strs = d.strs[from:to]
	case d.syms != nil:
		r.syms = d.syms[from:to]
	case d.codes != nil:
		r.codes = d.codes[from:to]
	}
	return r
}

// columnData returns b's columns in the order of the table.
func (b *Batch) columnData(out *[len(columns)]colData) {
	for pos, c := range columns {
		switch {
		case pos == posKind:
			out[pos] = colData{codes: bytesOf(b.Kind), words: kindTable}
		case pos == posABI:
			out[pos] = colData{codes: bytesOf(b.ABI), words: abiTable}
		case pos == posDetail:
			out[pos] = colData{strs: b.Detail}
		case c.Type == Int64:
			out[pos] = colData{i64: *b.int64s(pos)}
		case c.Type == Int32:
			out[pos] = colData{i32: *b.int32s(pos)}
		default:
			out[pos] = colData{syms: *b.syms(pos)}
		}
	}
}

// maxTextBytes bounds the text of one column in one batch: paths of the
// greatest length (4,096) in 8,192 rows, and a little more.
const maxTextBytes = 36 << 20

// appendText appends the rows of a column of strings to text and their ends
// to off, the way Arrow lays out utf8.
func (d *colData) appendText(off []int32, text []byte, names *SymbolTable) ([]int32, []byte, error) {
	switch {
	case d.codes != nil:
		off, text = d.words.appendRows(off, text, d.codes)
	case d.syms != nil:
		words := *names.list.Load()
		last, word := Symbol(0), ""
		for _, sym := range d.syms {
			if sym != last {
				if int(sym) >= len(words) {
					return off, text, errForeignSym
				}
				last, word = sym, words[sym]
			}
			if word != "" {
				if text = append(text, word...); len(text) > maxTextBytes {
					return off, text, errTooLarge
				}
			}
			off = append(off, int32(len(text)))
		}
	default:
		for _, s := range d.strs {
			if text = append(text, cleanText(s)...); len(text) > maxTextBytes {
				return off, text, errTooLarge
			}
			off = append(off, int32(len(text)))
		}
	}
	return off, text, nil
}

// cleanText returns s with every byte that is no UTF-8 written as \xNN. File
// and thread names may hold any bytes; columns of strings may not, and some
// readers refuse a whole file for one of them.
func cleanText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02x`, s[0])
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

var errForeignSym = errors.New("a name of another table")

var (
	abiWords  = abiStrings()
	kindTable = newWordTable(kindNames[:])
	abiTable  = newWordTable(abiWords)
)

func abiStrings() []string {
	var s []string
	for _, a := range abi.All() {
		s = append(s, a.String())
	}
	return s
}

// wordTable turns columns of small codes into columns of words.
type wordTable struct {
	words []string
	by8   [][8]byte // the words in 8 bytes, for those that fit
}

func newWordTable(words []string) *wordTable {
	t := &wordTable{words: words, by8: make([][8]byte, len(words))}
	for i, w := range words {
		copy(t.by8[i][:], w)
	}
	return t
}

// appendRows appends the words of codes, which must be in range.
func (t *wordTable) appendRows(off []int32, text, codes []byte) ([]int32, []byte) {
	for _, c := range codes {
		w := t.words[c]
		if len(w) <= 8 && cap(text)-len(text) >= 8 {
			n := len(text) + len(w)
			binary.LittleEndian.PutUint64(text[len(text):len(text)+8], binary.LittleEndian.Uint64(t.by8[c][:]))
			text = text[:n]
		} else {
			text = append(text, w...)
		}
		off = append(off, int32(len(text)))
	}
	return off, text
}

// emptyNames serves batches without rows.
var emptyNames = NewSymbolTable()

// bytesOf returns the memory of s. Files are little-endian, and so is every
// machine that systape is built for.
func bytesOf[T any](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(s[0])))
}
