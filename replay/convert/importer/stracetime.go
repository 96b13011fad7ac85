package importer

import (
	"bytes"
	"time"
)

// clock turns the times that a text shows into capture time.
type clock struct {
	day     int64 // midnight of the day that times of day belong to
	dated   bool  // the caller knows the day
	last    int64
	started bool
	kind    stampKind
	grain   int64 // what the last digit counts, ns
}

type stampKind uint8

const (
	noStamp   stampKind = iota
	timeOfDay           // -t, -tt
	epoch               // -ttt
	relative            // -r: since the line before
)

func newClock(date time.Time) clock {
	c := clock{dated: !date.IsZero()}
	if c.dated {
		c.day = date.UnixNano()
	}
	return c
}

// minEpoch tells seconds since 1970 from those since the last line, and from
// process ids (kernel include/linux/threads.h: PID_MAX_LIMIT is 4,194,304).
const minEpoch = 100_000_000

// parseStamp reads the time at the beginning of a line, if there is one, and
// returns what follows it.
func parseStamp(b []byte) (ns int64, kind stampKind, grain int64, rest []byte) {
	rest = b
	t := bytes.TrimLeft(b, " ")
	end := bytes.IndexByte(t, ' ')
	if end <= 0 {
		return 0, noStamp, 0, b
	}
	word, after := t[:end], bytes.TrimLeft(t[end:], " ")
	if len(word) >= 8 && word[2] == ':' && word[5] == ':' {
		h, ok1 := two(word[0:2])
		m, ok2 := two(word[3:5])
		s, ok := parseSeconds(word[6:])
		if !ok || !ok1 || !ok2 || h > 23 || m > 59 || s > 60e9 {
			return 0, noStamp, 0, b
		}
		return (h*3600+m*60)*1e9 + s, timeOfDay, grainOf(word[6:]), skipRelative(after)
	}
	n, ok := parseSeconds(word)
	if !ok {
		return 0, noStamp, 0, b
	}
	if n >= minEpoch*1e9 {
		return n, epoch, grainOf(word), skipRelative(after)
	}
	if bytes.IndexByte(word, '.') < 0 {
		return 0, noStamp, 0, b
	}
	return n, relative, grainOf(word), after
}

// skipRelative skips what -r adds to another kind of time.
func skipRelative(b []byte) []byte {
	if r, ok := bytes.CutPrefix(b, []byte("(+")); ok {
		if i := bytes.IndexByte(r, ')'); i >= 0 {
			return bytes.TrimLeft(r[i+1:], " ")
		}
	}
	return b
}

func two(b []byte) (int64, bool) {
	if b[0] < '0' || b[0] > '9' || b[1] < '0' || b[1] > '9' {
		return 0, false
	}
	return int64(b[0]-'0')*10 + int64(b[1]-'0'), true
}

func grainOf(b []byte) int64 {
	_, frac, _ := bytes.Cut(b, []byte("."))
	g := int64(1e9)
	for range frac {
		g /= 10
	}
	return max(g, 1)
}

// at returns the capture time of a line. Times of day go on over midnight.
func (c *clock) at(ns int64, kind stampKind, grain int64) int64 {
	c.kind, c.grain = kind, grain
	switch kind {
	case noStamp:
		return c.last
	case relative:
		ns += c.last
	case timeOfDay:
		ns += c.day
		if c.started && ns < c.last-12*3600*1e9 {
			c.day += 24 * 3600 * 1e9
			ns += 24 * 3600 * 1e9
		}
	}
	c.last, c.started = max(c.last, ns), true
	return ns
}
