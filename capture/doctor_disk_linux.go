package capture

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// lookAtDisk writes a file of up to 64 MiB, for half a second at most, where
// captures are to go.
func lookAtDisk(e *Examination, dir string) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		e.add("disk", FindingFails, fmt.Sprintf("%s: %v", dir, err), "name a folder that exists: systape doctor DIR")
		return
	}
	free := int64(fs.Bavail) * int64(fs.Bsize)
	f, err := os.CreateTemp(dir, ".systape-doctor-*")
	if err != nil {
		e.add("disk", FindingFails, err.Error(), "name a folder that can be written to: systape doctor DIR, and record -o DIR/FILE")
		return
	}
	os.Remove(f.Name())
	defer f.Close()
	block := make([]byte, 1<<20)
	for i := range block {
		block[i] = byte(i * i >> 7)
	}
	const most = 64 << 20
	written, began := int64(0), time.Now()
	for written < min(most, free/2) && time.Since(began) < 500*time.Millisecond {
		n, err := f.Write(block)
		written += int64(n)
		if err != nil {
			e.add("disk", FindingFails, fmt.Sprintf("%s: %v", dir, err), "name another folder: systape doctor DIR")
			return
		}
	}
	if err := f.Sync(); err != nil {
		e.add("disk", FindingFails, fmt.Sprintf("%s: %v", dir, err), "name another folder: systape doctor DIR")
		return
	}
	speed := float64(written) / (1 << 20) / time.Since(began).Seconds()
	found := fmt.Sprintf("%s has %.1f GiB free and takes %.0f MiB a second, sync included", dir, float64(free)/(1<<30), speed)
	switch {
	case free < 1<<30:
		e.add("disk", FindingNote, found, "a busy machine fills 1 GiB in minutes: choose another disk with -o")
	case speed < 20:
		e.add("disk", FindingNote, found+": at high rates the recorder waits for it", "choose another disk with -o")
	default:
		e.add("disk", FindingOK, found, "")
	}
}
