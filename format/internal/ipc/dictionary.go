package ipc

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/klauspost/compress/zstd"

	"systape/format/internal/columnar"
	"systape/format/internal/zframe"
)

// Dictionary is the values that a column's positions stand for.
type Dictionary struct {
	Turn  int // rises whenever the values change
	Int32 []int32
	Off   []int32 // of Text: value i is Text[Off[i]:Off[i+1]]
	Text  []byte
	n     int
	text  bool
	stale bool // it may have been replaced by one that was not read
}

// Len returns how many values there are.
func (d *Dictionary) Len() int { return d.n }

// Word returns a value of text.
func (d *Dictionary) Word(i int) []byte { return d.Text[d.Off[i]:d.Off[i+1]] }

// ErrNoDictionary is the end of a batch whose positions stand for nothing known.
var ErrNoDictionary = errors.New("positions without a dictionary")

// Forget is told that messages were passed over, among which may have been new
// dictionaries. Batches cannot be read until all that they need have come again.
func (d *Decoder) Forget() {
	for _, dict := range d.dicts {
		dict.stale = true
	}
}

// Dictionaries returns how many columns have one.
func (d *Decoder) Dictionaries() (n int) {
	for i := range d.Fields {
		if d.Fields[i].Dictionary != NoDictionary {
			n++
		}
	}
	return n
}

// maxDictionary is how many positions of 16 bits there are.
const maxDictionary = 1 << 15

// dictionary takes the entries of a dictionary in.
func (d *Decoder) dictionary(m *Message, body []byte, maxRows int) error {
	var id int64
	if p := m.field(m.header, 0); p != 0 {
		id = m.i64(p)
	}
	p := m.field(m.header, 1)
	if m.err != nil || p == 0 {
		return errFlat
	}
	if p := m.field(m.header, 2); p != 0 && m.u8(p) != 0 {
		return errors.New("a dictionary that is told in pieces")
	}
	i := slices.IndexFunc(d.Fields, func(f Field) bool { return f.Dictionary == id })
	if i < 0 {
		return fmt.Errorf("dictionary %d of no column", id)
	}
	n, err := d.begin(m, m.ref(p), 1, body, min(maxRows, maxDictionary))
	if err != nil {
		return err
	}
	text := d.Fields[i].text()
	if err := d.take(text); err != nil {
		return err
	}
	if d.dicts == nil {
		d.dicts = map[int64]*Dictionary{}
	}
	dict := d.dicts[id]
	if dict == nil {
		dict = new(Dictionary)
		d.dicts[id] = dict
	}
	dict.Turn++
	dict.n, dict.text, dict.stale = 0, text, false
	if text {
		off, words, err := d.Text()
		if err != nil {
			return err
		}
		dict.Off, dict.Text = append(dict.Off[:0], off...), append(dict.Text[:0], words...)
	} else {
		dict.Int32 = columnar.Resize(dict.Int32, n)
		if err := d.Numbers(columnar.Bytes(dict.Int32)); err != nil {
			return err
		}
	}
	dict.n = n
	d.rows = 0
	return nil
}

// keys are positions that some columns of a batch share.
type keys struct {
	at   span
	keys []int16
	most int
}

// Coded reports whether the current column holds positions in a dictionary.
func (d *Decoder) Coded() bool { return d.Fields[d.next-1].Dictionary != NoDictionary }

// Keys returns the current column, which must be Coded: the positions, all of
// which are in the dictionary. They are valid until the next batch.
func (d *Decoder) Keys() ([]int16, *Dictionary, error) {
	dict := d.dicts[d.Fields[d.next-1].Dictionary]
	if d.rows == 0 {
		return nil, &Dictionary{}, nil
	}
	if dict == nil || dict.stale || dict.text != (d.Fields[d.next-1].Type == columnar.String) {
		return nil, nil, ErrNoDictionary
	}
	free := &d.keys[len(d.keys)-1]
	for i := range d.keys {
		k := &d.keys[i]
		if k.at == d.at[0] {
			if k.most >= dict.n {
				return nil, nil, fmt.Errorf("position %d in a dictionary of %d", k.most, dict.n)
			}
			return k.keys, dict, nil
		}
		if k.at.size == 0 {
			free = k
			break
		}
	}
	k := columnar.Resize(free.keys, d.rows)
	if err := d.inflate(columnar.Bytes(k), d.at[0]); err != nil {
		return nil, nil, err
	}
	var all uint16 // a negative position has the highest bit
	most := int16(0)
	for _, x := range k {
		all |= uint16(x)
		most = max(most, x)
	}
	if bits.Len16(all) == 16 || int(most) >= dict.n {
		return nil, nil, fmt.Errorf("position outside of a dictionary of %d", dict.n)
	}
	free.at, free.keys, free.most = d.at[0], k, int(most)
	return k, dict, nil
}

// unpack fills dst from a zstd frame.
func (d *Decoder) unpack(dst, src []byte) error {
	if zframe.Decode(dst, src) {
		return nil
	}
	if d.zstd == nil {
		z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderLowmem(true))
		if err != nil {
			return err
		}
		d.zstd = z
	}
	out, err := d.zstd.DecodeAll(src, dst[:0:len(dst)])
	if err == nil && len(out) != len(dst) {
		err = fmt.Errorf("%d bytes after decompression, want %d", len(out), len(dst))
	}
	if err != nil {
		return fmt.Errorf("decompress: %w", err)
	}
	return nil
}
