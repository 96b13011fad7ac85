package format

import (
	"container/list"
	"fmt"
	"os"
	"sync"
)

// mostOpen is how many files of captures are open at a time; a system allows
// some 256 or 1024 to a process, which has others too.
const mostOpen = 100

// turns are the files of parts that are open now, the one that was opened last in
// front.
var turns = openTurns{most: mostOpen}

type openTurns struct {
	mu   sync.Mutex
	most int
	open list.List // of *turnFile
}

// turnFile is a file that is open when it is read, and closed when others want
// their turn: a recording may have more parts than can be open at a time.
type turnFile struct {
	path string
	info os.FileInfo // as it was when it was opened first

	turn *list.Element // in turns; nil: in none. Guarded by turns.mu, as over is
	over bool          // closed for good

	mu   sync.RWMutex // held while it is read; to write, to open or close it
	file *os.File     // nil: it rests
	done bool         // closed for good
}

// takeTurns makes f, which was just opened by its path, one that takes turns.
func takeTurns(path string, f *os.File) (*turnFile, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	t := &turnFile{path: path, info: st, file: f}
	turns.begin(t)
	return t, nil
}

// begin puts t in front, and closes those whose turn is over. It holds no lock of
// a file while it waits for another's.
func (o *openTurns) begin(t *turnFile) {
	var rest []*turnFile
	o.mu.Lock()
	switch {
	case t.over:
	case t.turn != nil:
		o.open.MoveToFront(t.turn)
	default:
		t.turn = o.open.PushFront(t)
	}
	for o.open.Len() > o.most {
		last := o.open.Remove(o.open.Back()).(*turnFile)
		last.turn = nil
		rest = append(rest, last)
	}
	o.mu.Unlock()
	for _, f := range rest {
		f.rest()
	}
}

// end takes t out for good.
func (o *openTurns) end(t *turnFile) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if t.over = true; t.turn != nil {
		o.open.Remove(t.turn)
		t.turn = nil
	}
}

// rest closes the file until it is read again.
func (t *turnFile) rest() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.file != nil {
		t.file.Close() // nothing was written
		t.file = nil
	}
}

// ReadAt reads as [os.File.ReadAt] does, and opens the file if it rests.
func (t *turnFile) ReadAt(p []byte, off int64) (int, error) {
	for {
		t.mu.RLock()
		if t.file != nil || t.done {
			break
		}
		t.mu.RUnlock()
		if err := t.wake(); err != nil {
			return 0, err
		}
		turns.begin(t)
	}
	defer t.mu.RUnlock()
	if t.done {
		return 0, os.ErrClosed
	}
	return t.file.ReadAt(p, off)
}

// wake opens the file again.
func (t *turnFile) wake() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.file != nil || t.done {
		return nil
	}
	f, err := os.Open(t.path)
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err == nil && !(os.SameFile(st, t.info) && st.Size() == t.info.Size() && st.ModTime().Equal(t.info.ModTime())) {
		err = fmt.Errorf("%s: another file has its name now, or it was changed, while it was read", t.path)
	}
	if err != nil {
		f.Close()
		return err
	}
	t.file = f
	return nil
}

// Close closes it for good.
func (t *turnFile) Close() error {
	turns.end(t)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.done {
		return os.ErrClosed
	}
	t.done = true
	if t.file == nil {
		return nil
	}
	err := t.file.Close()
	t.file = nil
	return err
}
