package replay

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Pipe is standard input made fit to be read more than once: a pipe is copied
// to a temporary file, a regular file is taken as it is.
type Pipe struct {
	file   *os.File
	copied bool
	named  bool // the copy still has a name: it could not be removed while open
}

// HoldPipe reads r to its end; nil stands for os.Stdin. The caller must Close
// the Pipe.
func HoldPipe(r io.Reader) (*Pipe, error) {
	if r == nil {
		r = os.Stdin
	}
	if f, ok := r.(*os.File); ok {
		if st, err := f.Stat(); err == nil && st.Mode().IsRegular() {
			return &Pipe{file: f}, nil
		}
	}
	f, err := os.CreateTemp("", "systape-*.spool")
	if err != nil {
		return nil, fmt.Errorf("hold standard input: %w", err)
	}
	p := &Pipe{file: f, copied: true}
	p.named = os.Remove(f.Name()) != nil // so that nothing is left behind, however the program ends
	if _, err := io.Copy(f, r); err != nil {
		return nil, errors.Join(fmt.Errorf("hold standard input in %s: %w", f.Name(), err), p.Close())
	}
	return p, nil
}

// File returns the input, to be read by offset ([os.File.ReadAt]), as the
// readers of captures do. It is valid until Close.
func (p *Pipe) File() *os.File { return p.file }

// Close removes the copy, if there is one.
func (p *Pipe) Close() error {
	if !p.copied {
		return nil
	}
	err := p.file.Close()
	if p.named {
		err = errors.Join(err, os.Remove(p.file.Name()))
	}
	return err
}
