package columnar

import "io"

// Output counts what was written and keeps the first error: once a write has
// failed, nothing more reaches the file, and everyone who asks is told. Arrow
// v17 loses write errors in several places; whoever writes through an Output
// asks it, not arrow.
type Output struct {
	W   io.Writer
	N   int64 // bytes written
	Err error // the first error
}

// Write implements io.Writer.
func (o *Output) Write(p []byte) (int, error) {
	if o.Err != nil {
		return 0, o.Err
	}
	n, err := o.W.Write(p)
	if n < 0 || n > len(p) {
		n = 0 // not what an io.Writer may return; believe nothing
	}
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	o.N += int64(n)
	o.Err = err
	return n, err
}

// Tell returns the number of bytes written, as arrow asks for it.
func (o *Output) Tell() int64 { return o.N }
