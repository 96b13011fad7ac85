package capture

import (
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// queuedFile writes to a file in a goroutine of its own, so that a slow disk
// stalls the recorder only once the queue is full. Once a second it makes the
// kernel put on disk what has been written.
type queuedFile struct {
	file   *os.File
	chunk  []byte
	queue  chan []byte
	free   chan []byte
	writer sync.WaitGroup
	stop   chan struct{}

	waited atomic.Int64 // ns that Flush has waited for the disk

	mu      sync.Mutex
	err     error
	written int64
}

// What waits for the disk may take 64 MiB: ten million events and more, one
// second at the highest speeds.
const (
	chunkBytes  = 1 << 20
	queueChunks = 64
)

func newQueuedFile(f *os.File) *queuedFile {
	q := &queuedFile{file: f, queue: make(chan []byte, queueChunks), free: make(chan []byte, 4), stop: make(chan struct{})}
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
	if len(q.chunk) >= chunkBytes || len(q.chunk) > 0 && len(q.queue) == 0 {
		q.hand()
	}
	return q.failed()
}

func (q *queuedFile) hand() {
	if len(q.chunk) > 0 {
		select {
		case q.queue <- q.chunk:
		default:
			began := time.Now()
			q.queue <- q.chunk
			q.waited.Add(int64(time.Since(began)))
		}
		q.chunk = nil
	}
}

// Behind reports whether much waits for the disk.
func (q *queuedFile) Behind() bool { return len(q.queue) > queueChunks/4 }

func (q *queuedFile) failed() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.err
}

// Written returns how many bytes have reached the file.
func (q *queuedFile) Written() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.written
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
	for chunk := range q.queue {
		if q.failed() == nil {
			n, err := q.file.Write(chunk)
			q.mu.Lock()
			q.written += int64(n)
			q.mu.Unlock()
			if err != nil {
				q.fail(err)
			}
		}
		if cap(chunk) <= 2*chunkBytes {
			select {
			case q.free <- chunk[:0]:
			default:
			}
		}
	}
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
			if n := q.Written(); n != synced {
				if err := datasync(q.file); err != nil {
					q.fail(err)
				}
				synced = n
			}
		}
	}
}

// Close writes what is queued, puts it on disk and returns the first error of
// all. The file stays open.
func (q *queuedFile) Close() error {
	q.hand()
	close(q.queue)
	q.writer.Wait()
	if err := q.failed(); err != nil {
		return err
	}
	return datasync(q.file)
}
