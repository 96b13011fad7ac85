package format

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// ReadText is [os.ReadFile] of a file that is no capture, such as a key or rules,
// and may be anything: of one with more than most bytes it reads no more, and
// fails with the words tooLong. See [OpenText].
func ReadText(name string, most int64, tooLong string) ([]byte, error) {
	f, err := OpenText(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(text)) > most:
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New(tooLong)}
	}
	return text, nil
}

// writerWait is how long somebody has to begin to write to a named pipe.
const writerWait = 2 * time.Second

// OpenText opens a file that is no capture. A named pipe that nobody writes to
// is an error after two seconds; [os.Open] of it waits for ever. That of a shell,
// <(COMMAND), has a writer.
func OpenText(name string) (io.ReadCloser, error) {
	if info, err := os.Stat(name); err != nil || info.Mode()&fs.ModeNamedPipe == 0 {
		return os.Open(name)
	}
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	return &pipeText{File: f, until: time.Now().Add(writerWait)}, nil
}

// pipeText is a pipe: before its first byte its end says only that nobody has it
// open for writing.
type pipeText struct {
	*os.File
	until time.Time
	begun bool
}

func (p *pipeText) Read(b []byte) (int, error) {
	for {
		n, err := p.File.Read(b)
		if p.begun = p.begun || n > 0; p.begun || err != io.EOF {
			return n, err
		}
		if time.Now().After(p.until) {
			return 0, &fs.PathError{Op: "read", Path: p.Name(), Err: errors.New("a pipe that nobody writes to")}
		}
		time.Sleep(10 * time.Millisecond)
	}
}
