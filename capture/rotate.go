package capture

import (
	"os"
	"time"
)

// Output is where a part of a recording goes.
type Output struct {
	File  *os.File // the spool, open; the recording closes it when the part is finished, but for the first
	Spool string   // its name
	Path  string   // of the capture that is made of it
}

// Rotation says when a recording goes on in another part, which is a capture of
// its own: of the same recording, numbered, and beginning with the event after
// the last one of the part before.
type Rotation struct {
	Bytes int64         // when the capture has so many, as far as it is known before it is sealed; 0: never for that
	Every time.Duration // when the part has lasted so long; 0: never for that
	// Next makes the spool of a part. It is called in another goroutine than
	// the one that reads the events, and may take its time.
	Next func(number int, now time.Time) (Output, error)
}
