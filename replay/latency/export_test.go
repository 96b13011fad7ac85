package latency

// MaxContexts is how many threads are remembered.
const MaxContexts = maxContexts

// Remembered returns how many threads are remembered.
func (s *Slowest) Remembered() int { return len(s.threads.young) + len(s.threads.old) }
