package capture_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"systape/capture"
	"systape/internal/kerneltest"
)

// A recording gives its buffers and descriptors back: a service may make one
// after another, and so do these tests.
func TestRecordingGivesItsBuffersBack(t *testing.T) {
	kerneltest.Require(t)
	const pages = "bpf-map"
	mapped := func() (bytes uint64) {
		maps, err := os.ReadFile("/proc/self/maps")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(maps)) {
			var from, to uint64
			if strings.Contains(line, pages) {
				fmt.Sscanf(line, "%x-%x", &from, &to)
				bytes += to - from
			}
		}
		return bytes
	}
	descriptors := func() int {
		all, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	before := 0
	for i := range 4 {
		record(t, capture.Options{All: true, Duration: 10 * time.Millisecond}, nil)
		// What the constants of programs are set by is left to the collector.
		if n := mapped(); n > 1<<20 {
			t.Errorf("recording %d: %d bytes of kernel memory are still mapped", i, n)
		}
		if n := descriptors(); i == 0 {
			before = n
		} else if n > before {
			t.Errorf("recording %d: %d descriptors, %d after the first one", i, n, before)
		}
	}
}
