package capture

import (
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// queuedFile writes to a file, or to one after another, in a goroutine of its
// own, so that a slow disk stalls the recorder only once the queue is full.
// Once a second it makes the kernel put on disk what has been written.
type queuedFile struct {
	chunk  []byte
	queue  chan piece
	free   chan []byte
	writer sync.WaitGroup
	stop   chan struct{}

	waited atomic.Int64 // ns that Flush has waited for the disk

	mu    sync.Mutex
	err   error
	files []writtenFile

	syncing sync.Mutex // held while the latest file is put on disk, or closed
}

// piece is what the queue holds: bytes, the way to the next file, or the end of
// this one.
type piece struct {
	bytes []byte
	next  func() (Output, error)
	end   bool
}

// writtenFile is one of the files.
type writtenFile struct {
	Output
	written int64
	whole   bool
}

// What waits for the disk may take 64 MiB: ten million events and more, one
// second at the highest speeds. A chunk is handed on before the next message
// could outgrow it, and all of them are used again: a queue that fills and
// empties by turns would else leave twice its size to the garbage collector.
const (
	chunkBytes  = 1 << 20
	fullBytes   = chunkBytes * 7 / 8
	queueChunks = 64
)

// newQueuedFile begins with a file, or with none as yet.
func newQueuedFile(f *os.File) *queuedFile {
	q := &queuedFile{queue: make(chan piece, queueChunks), free: make(chan []byte, queueChunks), stop: make(chan struct{})}
	if f != nil {
		q.files = []writtenFile{{Output: Output{File: f}}}
	}
	q.writer.Add(2)
	go q.write()
	go q.sync()
	return q
}

// Write implements io.Writer: it copies p into the chunk that Flush sends.
func (q *queuedFile) Write(p []byte) (int, error) {
	if err := q.failed(); err != nil {
		return 0, err
	}
	if q.chunk == nil {
		select {
		case q.chunk = <-q.free:
		default:
			q.chunk = make([]byte, 0, chunkBytes)
		}
	}
	q.chunk = append(q.chunk, p...)
	return len(p), nil
}

// Flush hands on what has been written since the last time: at once when the
// disk has nothing to do, and otherwise when it makes a chunk.
func (q *queuedFile) Flush() error {
	if len(q.chunk) >= fullBytes || len(q.chunk) > 0 && len(q.queue) == 0 {
		q.hand()
	}
	return q.failed()
}

// Next ends the file: what is written from now on goes to the one that f makes,
// in the other goroutine. The file stays open.
func (q *queuedFile) Next(f func() (Output, error)) {
	q.hand()
	q.put(piece{next: f})
}

// End ends the file before there is a next one.
func (q *queuedFile) End() {
	q.hand()
	q.put(piece{end: true})
}

func (q *queuedFile) hand() {
	if len(q.chunk) > 0 {
		q.put(piece{bytes: q.chunk})
		q.chunk = nil
	}
}

func (q *queuedFile) put(p piece) {
	select {
	case q.queue <- p:
	default:
		began := time.Now()
		q.queue <- p
		q.waited.Add(int64(time.Since(began)))
	}
}

// Behind reports whether much waits for the disk.
func (q *queuedFile) Behind() bool { return len(q.queue) > queueChunks/4 }

func (q *queuedFile) failed() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.err
}

// latest returns the file that is written to; nil: none, or it is whole. The caller
// holds the lock, or is the goroutine that writes.
func (q *queuedFile) latest() *writtenFile {
	if n := len(q.files); n > 0 && !q.files[n-1].whole {
		return &q.files[n-1]
	}
	return nil
}

// Total returns how many bytes have reached all files.
func (q *queuedFile) Total() int64 {
	n, _ := q.Since(0)
	return n
}

// Since returns how many bytes have reached the files from file i on, and how
// many files follow that.
func (q *queuedFile) Since(i int) (bytes int64, more int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, f := range q.files[min(i, len(q.files)):] {
		bytes += f.written
	}
	return bytes, len(q.files) - 1 - i
}

// Part returns file i, from 0, how many bytes have reached it, and whether that
// is all; ok is false when there is none yet.
func (q *queuedFile) Part(i int) (out Output, written int64, whole, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if i >= len(q.files) {
		return out, 0, false, false
	}
	f := &q.files[i]
	return f.Output, f.written, f.whole, true
}

func (q *queuedFile) fail(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err == nil {
		q.err = err
	}
}

func (q *queuedFile) write() {
	defer q.writer.Done()
	defer close(q.stop)
	defer urgent(-10)()
	for p := range q.queue {
		switch {
		case q.failed() != nil:
		case p.next != nil:
			if err := q.change(p.next); err != nil {
				q.fail(err)
			}
		case p.end:
			if err := q.end(); err != nil {
				q.fail(err)
			}
		default:
			n, err := q.latest().File.Write(p.bytes)
			q.mu.Lock()
			q.latest().written += int64(n)
			q.mu.Unlock()
			if err != nil {
				q.fail(err)
			}
		}
		if p.bytes != nil && cap(p.bytes) <= 2*chunkBytes {
			select {
			case q.free <- p.bytes[:0]:
			default:
			}
		}
	}
}

// end puts the file on disk. It may be closed from then on.
func (q *queuedFile) end() error {
	f := q.latest()
	if f == nil {
		return nil
	}
	if err := datasync(f.File); err != nil {
		return err
	}
	q.syncing.Lock()
	defer q.syncing.Unlock()
	q.mu.Lock()
	defer q.mu.Unlock()
	f.whole = true
	return nil
}

// change puts the file on disk, and goes on in the next one.
func (q *queuedFile) change(next func() (Output, error)) error {
	before := q.latest()
	if before != nil {
		if err := datasync(before.File); err != nil {
			return err
		}
	}
	out, err := next()
	if err != nil {
		return err
	}
	q.syncing.Lock()
	defer q.syncing.Unlock()
	q.mu.Lock()
	defer q.mu.Unlock()
	if before != nil {
		before.whole = true
	}
	q.files = append(q.files, writtenFile{Output: out})
	return nil
}

func (q *queuedFile) sync() {
	defer q.writer.Done()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	synced := int64(0)
	for {
		select {
		case <-q.stop:
			return
		case <-tick.C:
			if n := q.Total(); n != synced {
				if err := q.putOnDisk(); err != nil {
					q.fail(err)
				}
				synced = n
			}
		}
	}
}

func (q *queuedFile) putOnDisk() error {
	q.syncing.Lock()
	defer q.syncing.Unlock()
	q.mu.Lock()
	f := q.latest()
	q.mu.Unlock()
	if f == nil {
		return nil
	}
	return datasync(f.File)
}

// Close writes what is queued, puts it on disk and returns the first error of
// all. The latest file stays open.
func (q *queuedFile) Close() error {
	q.hand()
	close(q.queue)
	q.writer.Wait()
	if err := q.failed(); err != nil {
		return err
	}
	return q.end()
}
