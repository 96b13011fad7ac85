package format

import "io"

// sink counts what was written and keeps the first error: once a write has
// failed, nothing more reaches the file, and everyone who asks is told. Arrow
// v17 loses write errors in several places; whoever writes through a sink
// asks the sink, not arrow.
type sink struct {
	w   io.Writer
	n   int64
	err error
}

func (s *sink) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.w.Write(p)
	if n < 0 || n > len(p) {
		n = 0 // not what an io.Writer may return; believe nothing
	}
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	s.n += int64(n)
	s.err = err
	return n, err
}

// Tell returns the number of bytes written.
func (s *sink) Tell() int64 { return s.n }
