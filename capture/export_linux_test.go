package capture

// SetRealtime puts another wall clock in the place of the machine's, until
// restore is called.
func SetRealtime(now func() int64) (restore func()) {
	was := realtime
	realtime = now
	return func() { realtime = was }
}

// Realtime returns the reader of the machine's wall clock.
func Realtime() func() int64 { return realtime }
