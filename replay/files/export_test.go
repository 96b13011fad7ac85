package files

// Bytes returns what the descriptors that are known take, by the follower's count.
func (f *Follower) Bytes() int64 { return f.bytes }

// Threads returns how many threads are known.
func (f *Follower) Threads() int { return len(f.tasks) }

// Clean is clean.
func Clean(p string) bool { return clean(p) }

// The limits.
const (
	MaxBytes = maxBytes
	MaxTasks = maxTasks
)
