package capture

import (
	"time"

	"systape/format"
)

// ring holds the latest stretches of a recording. Their memory is not the
// garbage collector's, which would let it grow to twice as much.
type ring struct {
	window int64 // ns; 0: as many as bytes hold
	most   int64 // bytes; 0: as many as the window takes
	list   []*stretch
	gone   int      // stretches that were given up: list[0] has this number
	spare  [][]byte // chunks that are in no stretch
	bytes  int64    // of the chunks in stretches
	err    error    // memory could not be had
}

// stretch is the rows between two cuts.
type stretch struct {
	format.Stretch
	began int64 // capture time of the cut before: all rows are later, and none before it
	share share // of calls that were drawn, when it began
}

// ringChunk is how much memory is taken at a time.
const ringChunk = 256 << 10

// maxSpareChunks are kept for the next stretches; the others go back to the system.
const maxSpareChunks = 16

// begin begins a stretch.
func (r *ring) begin(began int64, s share) {
	r.list = append(r.list, &stretch{began: began, share: s})
}

// current is the stretch that is being written.
func (r *ring) current() *stretch { return r.list[len(r.list)-1] }

// number returns the number of the stretch that is being written.
func (r *ring) number() int { return r.gone + len(r.list) - 1 }

// Write implements io.Writer: it appends to the current stretch.
func (r *ring) Write(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	s, n := r.current(), len(p)
	for len(p) > 0 {
		last := len(s.Bytes) - 1
		if last < 0 || len(s.Bytes[last]) == cap(s.Bytes[last]) {
			chunk, err := r.chunk()
			if err != nil {
				r.err = err
				return 0, err
			}
			s.Bytes, last = append(s.Bytes, chunk), last+1
		}
		c := s.Bytes[last]
		k := copy(c[len(c):cap(c)], p)
		s.Bytes[last], p = c[:len(c)+k], p[k:]
	}
	return n, nil
}

func (r *ring) chunk() (c []byte, err error) {
	if n := len(r.spare); n > 0 {
		c, r.spare = r.spare[n-1][:0], r.spare[:n-1]
	} else if c, err = takeMemory(ringChunk); err != nil {
		return nil, err
	}
	r.bytes += ringChunk
	return c[:0], nil
}

// forget gives up the oldest stretches that are not wanted any more, up to
// number. now is capture time.
func (r *ring) forget(now int64, number int) {
	for len(r.list) > 1 && r.gone < number {
		old := r.window > 0 && r.list[1].began <= now-r.window
		if !old && (r.most == 0 || r.bytes+ringChunk <= r.most) {
			return
		}
		r.drop()
	}
}

// full reports whether the current stretch is long enough, where the memory is
// bounded: what is given up at once must not be much of it.
func (r *ring) full() bool {
	return r.most > 0 && int64(len(r.current().Bytes))*ringChunk >= max(r.most/16, 1<<20)
}

// excess returns how many bytes are only there because they wait for the disk.
func (r *ring) excess(now int64) (bytes int64) {
	if r.most > 0 {
		bytes = r.bytes - r.most
	}
	old := int64(0)
	for i := 1; r.window > 0 && i < len(r.list) && r.list[i].began <= now-r.window; i++ {
		old += int64(len(r.list[i-1].Bytes)) * ringChunk
	}
	return max(bytes, old)
}

// drop gives up the oldest stretch.
func (r *ring) drop() {
	s := r.list[0]
	for _, c := range s.Bytes {
		r.bytes -= ringChunk
		if len(r.spare) < maxSpareChunks {
			r.spare = append(r.spare, c)
		} else {
			giveMemory(c)
		}
	}
	s.Bytes = nil
	copy(r.list, r.list[1:])
	r.list = r.list[:len(r.list)-1]
	r.gone++
}

// free gives all memory back.
func (r *ring) free() {
	for len(r.list) > 0 {
		r.drop()
	}
	for _, c := range r.spare {
		giveMemory(c)
	}
	r.spare = nil
}

// from returns the number of the first stretch that has rows later than a
// capture time; 0: the oldest.
func (r *ring) from(ts int64) int {
	for i := len(r.list) - 1; i > 0; i-- {
		if r.list[i].began <= ts {
			return r.gone + i
		}
	}
	return r.gone
}

func (r *ring) at(number int) *stretch { return r.list[number-r.gone] }

// held is the time that the ring reaches back.
func (r *ring) held(now int64) time.Duration {
	if len(r.list) == 0 {
		return 0
	}
	return time.Duration(now - r.list[0].began)
}
