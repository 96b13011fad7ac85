package capture

import "golang.org/x/sys/unix"

// LowerPriority gives the calling OS thread the lowest everyday priority. The
// caller must have locked itself to the thread.
func LowerPriority() { unix.Setpriority(unix.PRIO_PROCESS, 0, 19) }
