package columnar

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxTextBytes bounds the text of one column in one batch: paths of the
// greatest length (4,096) in 8,192 rows, and a little more.
const MaxTextBytes = 36 << 20

// ErrTooLarge is the end of what readers accept: write fewer rows at once.
var ErrTooLarge = errors.New("batch larger than readers accept")

// ErrForeignID is an ID outside its List.
var ErrForeignID = errors.New("a name of another table")

// AppendText appends the rows of a column of text to text and their ends to
// off, the way Arrow lays out utf8.
func (v *Values) AppendText(off []int32, text []byte) ([]int32, []byte, error) {
	switch {
	case v.Codes != nil:
		off, text = v.Words.appendRows(off, text, v.Codes)
	case v.IDs != nil:
		last, word := uint32(0), ""
		for i, id := range v.IDs {
			if id != last || i == 0 {
				if int(id) >= len(v.List) {
					return off, text, ErrForeignID
				}
				last, word = id, v.List[id]
			}
			if word != "" {
				if text = append(text, word...); len(text) > MaxTextBytes {
					return off, text, ErrTooLarge
				}
			}
			off = append(off, int32(len(text)))
		}
	default:
		for _, s := range v.Strings {
			if text = append(text, CleanText(s)...); len(text) > MaxTextBytes {
				return off, text, ErrTooLarge
			}
			off = append(off, int32(len(text)))
		}
	}
	return off, text, nil
}

// CleanText returns s with every byte that is no UTF-8 written as \xNN.
// Columns of text may hold nothing else, and some readers refuse a whole file
// for one such byte.
func CleanText(s string) string {
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

// Words are the few texts that a column of codes can hold.
type Words struct {
	list []string
	by8  [][8]byte // the words in 8 bytes, for those that fit
}

// NewWords returns the words in the order of their codes.
func NewWords(list []string) *Words {
	w := &Words{list: list, by8: make([][8]byte, len(list))}
	for i, s := range list {
		copy(w.by8[i][:], s)
	}
	return w
}

// Len returns how many words there are.
func (w *Words) Len() int { return len(w.list) }

// Word returns the word of code c, which must be below Len.
func (w *Words) Word(c byte) string { return w.list[c] }

// appendRows appends the words of codes, which must be in range.
func (w *Words) appendRows(off []int32, text, codes []byte) ([]int32, []byte) {
	for _, c := range codes {
		s := w.list[c]
		if len(s) <= 8 && cap(text)-len(text) >= 8 {
			n := len(text) + len(s)
			binary.LittleEndian.PutUint64(text[len(text):len(text)+8], binary.LittleEndian.Uint64(w.by8[c][:]))
			text = text[:n]
		} else {
			text = append(text, s...)
		}
		off = append(off, int32(len(text)))
	}
	return off, text
}
