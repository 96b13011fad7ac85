package replay

import "math"

// thread is what is known of one live thread.
type thread struct {
	last  int64 // time of its latest enter, exit or fork row; unseen when there was none
	tid   int32
	slot  int32 // its open call in Pairer.open, -1 when it is in user space
	flags uint8
}

// unseen is later than "never" of losses, so that no loss concerns a thread
// before the first loss.
const unseen = math.MinInt64 + 1

const (
	flagNew         = 1 << iota // its fork row is in the capture, and nothing it did since
	flagExeced                  // its exec row came, and nothing it did since
	flagMoved                   // inside its open call it may have left the recorder's filter
	flagInterrupted             // Pairer.links has calls of it that may be continued
	flagLost                    // events of it are missing since its latest row
)

// threads holds the live threads: a dense list, and an open-addressing table
// with linear probing from thread id to place in the list. Looking up the
// thread of the previous event again costs one comparison.
type threads struct {
	table   []entry // length is a power of two; at most half full
	shift   uint32  // 32 - log2(len(table))
	list    []thread
	free    []int32 // places in list that are not in use
	recent  int32   // tid of the latest lookup
	recentP int32   // its place
}

type entry struct {
	tid   int32
	place int32 // in list, plus 1; 0: empty
}

func (t *threads) init() {
	const bits = 10
	*t = threads{table: make([]entry, 1<<bits), shift: 32 - bits, recentP: -1}
}

// Fibonacci hashing (Knuth, TAOCP 3, 6.4): thread ids are consecutive
// numbers, which it spreads evenly.
func (t *threads) home(tid int32) int { return int(uint32(tid) * 2654435769 >> t.shift) }

// find returns the thread, nil when it is not known. The pointer is valid
// until the next get.
func (t *threads) find(tid int32) *thread {
	if tid == t.recent && t.recentP >= 0 {
		return &t.list[t.recentP]
	}
	mask := len(t.table) - 1
	for i := t.home(tid); ; i = (i + 1) & mask {
		e := t.table[i]
		if e.place == 0 {
			return nil
		}
		if e.tid == tid {
			t.recent, t.recentP = tid, e.place-1
			return &t.list[e.place-1]
		}
	}
}

// get returns the thread and makes it known; nil when there are too many.
// The pointer is valid until the next get.
func (t *threads) get(tid int32) *thread {
	if tid == t.recent && t.recentP >= 0 {
		return &t.list[t.recentP]
	}
	if th := t.find(tid); th != nil {
		return th
	}
	return t.add(tid)
}

func (t *threads) add(tid int32) *thread {
	live := len(t.list) - len(t.free)
	if live >= maxThreads {
		return nil
	}
	if 2*(live+1) > len(t.table) {
		t.grow()
	}
	var place int32
	if n := len(t.free); n > 0 {
		place, t.free = t.free[n-1], t.free[:n-1]
	} else {
		t.list = append(t.list, thread{})
		place = int32(len(t.list) - 1)
	}
	t.list[place] = thread{tid: tid, slot: -1, last: unseen}
	t.put(entry{tid, place + 1})
	t.recent, t.recentP = tid, place
	return &t.list[place]
}

func (t *threads) put(e entry) {
	mask := len(t.table) - 1
	i := t.home(e.tid)
	for t.table[i].place != 0 {
		i = (i + 1) & mask
	}
	t.table[i] = e
}

func (t *threads) grow() {
	old := t.table
	t.table = make([]entry, 2*len(old))
	t.shift--
	for _, e := range old {
		if e.place != 0 {
			t.put(e)
		}
	}
}

// remove forgets a thread. Entries behind it move up, so that no tombstones
// gather (Knuth, TAOCP 3, 6.4, algorithm R).
func (t *threads) remove(tid int32) {
	mask := len(t.table) - 1
	i := t.home(tid)
	for t.table[i].tid != tid || t.table[i].place == 0 {
		if t.table[i].place == 0 {
			return
		}
		i = (i + 1) & mask
	}
	place := t.table[i].place - 1
	t.list[place] = thread{slot: -1, last: unseen}
	t.free = append(t.free, place)
	t.recentP = -1
	for j := i; ; {
		j = (j + 1) & mask
		e := t.table[j]
		if e.place == 0 {
			break
		}
		// e may fill the hole at i unless its home lies between i and j.
		if h := t.home(e.tid); (j-h)&mask >= (j-i)&mask {
			t.table[i] = e
			i = j
		}
	}
	t.table[i] = entry{}
}
