package capture

import (
	"io"
	"os"
	"runtime"
	"testing"
)

// TestQueueUsesItsMemoryAgain lets a disk stall until the queue is full, twice:
// the second time costs no new memory.
func TestQueueUsesItsMemoryAgain(t *testing.T) {
	disk, end, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	defer end.Close()
	q := newQueuedFile(end)
	message := make([]byte, 50_000)
	stall := func() (allocated uint64) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		written := 0
		for len(q.queue) < queueChunks-1 {
			n, err := q.Write(message)
			if err != nil {
				t.Fatal(err)
			}
			written += n
			if err := q.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		runtime.ReadMemStats(&after)
		q.hand()
		if _, err := io.CopyN(io.Discard, disk, int64(written)); err != nil {
			t.Fatal(err)
		}
		return after.TotalAlloc - before.TotalAlloc
	}
	if first := stall(); first < (queueChunks-1)*fullBytes || first > (queueChunks+2)*chunkBytes {
		t.Errorf("a queue of %d chunks took %d bytes of memory", queueChunks, first)
	}
	if again := stall(); again > 4*chunkBytes {
		t.Errorf("the same stall took %d new bytes of memory", again)
	}
	if err := q.Close(); err != nil {
		t.Error(err)
	}
}
