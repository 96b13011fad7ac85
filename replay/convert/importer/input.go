package importer

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"regexp"

	"systape/format/abi"
)

// input is one source being read.
type input struct {
	src  *Source
	r    *bufio.Reader
	text []byte
	n    int64
	ts   int64
	err  error
}

// next reads the next line; a line that is too long comes cut, with an error
// from line later on.
func (in *input) next() {
	in.text = in.text[:0]
	in.n++
	for {
		part, err := in.r.ReadSlice('\n')
		if len(in.text)+len(part) <= maxLine {
			in.text = append(in.text, part...)
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if err != nil && (err != io.EOF || len(in.text) == 0) {
			in.err = err
		}
		break
	}
	in.text = bytes.TrimRight(in.text, "\r\n")
}

// ErrInflate is in the error of a text whose compressed form has no end, or is
// damaged.
var ErrInflate = errors.New("the compressed text is cut off or damaged")

// ErrNoLine is in the error of a text of which nothing could be read.
var ErrNoLine = errors.New("no line could be read")

// inflating reads compressed text.
type inflating struct{ r *gzip.Reader }

func (z inflating) Read(b []byte) (int, error) {
	n, err := z.r.Read(b)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%w: %w", ErrInflate, err)
	}
	return n, err
}

// head is how much of a text is looked at before it is read.
const head = 64 << 10

// openInputs makes texts of the sources: inflated if they are compressed, and
// without a byte order mark.
func openInputs(sources []Source) ([]*input, error) {
	ins := make([]*input, len(sources))
	for i := range sources {
		r := bufio.NewReaderSize(sources[i].R, head)
		if b, _ := r.Peek(2); len(b) == 2 && b[0] == 0x1f && b[1] == 0x8b {
			z, err := gzip.NewReader(r)
			if err != nil {
				return nil, fmt.Errorf("%s: %w: %w", sources[i].Name, ErrInflate, err)
			}
			r = bufio.NewReaderSize(inflating{z}, head)
		}
		if b, _ := r.Peek(3); bytes.Equal(b, []byte("\xef\xbb\xbf")) {
			r.Discard(3)
		}
		ins[i] = &input{src: &sources[i], r: r}
	}
	return ins, nil
}

// beginsWith reports whether the beginning of a text holds one of the words.
func beginsWith(ins []*input, words ...string) bool {
	for _, in := range ins {
		b, _ := in.r.Peek(head)
		for _, w := range words {
			if bytes.Contains(b, []byte(w)) {
				return true
			}
		}
	}
	return false
}

var callName = regexp.MustCompile(`\b([a-z_][a-z0-9_]*)\(`)

// guessABI returns the ABI whose table has the most of the calls that the
// texts begin with, preferred when it has as many as any other: a log of a
// 32-bit program has mmap2, fstat64 and their like.
func guessABI(ins []*input, preferred abi.ABI) abi.ABI {
	names := map[string]bool{}
	for _, in := range ins {
		b, _ := in.r.Peek(head)
		for _, m := range callName.FindAllSubmatch(b, -1) {
			names[string(m[1])] = true
		}
	}
	best, most := preferred, -1
	for _, a := range append([]abi.ABI{preferred}, abi.X86_64, abi.I386, abi.ARM64, abi.ARM) {
		n := 0
		for name := range names {
			if _, ok := abi.Number(a, name); ok {
				n++
			}
		}
		if n > most {
			best, most = a, n
		}
	}
	return best
}
