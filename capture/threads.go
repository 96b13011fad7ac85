package capture

import "systape/format"

// thread is what the recorder knows of a thread beside its ids.
type thread struct {
	place *place // nil: not known
	comm  format.Symbol
	known bool

	code format.Code // of the thread on a CPU, if the table of codes is still in that turn
	cpu  int32
	pid  int32
	turn int32
}

func (t *thread) container() format.Symbol {
	if t.place == nil {
		return 0
	}
	return t.place.container
}

// maxThreads bounds thread ids on every kernel (include/linux/threads.h:
// PID_MAX_LIMIT).
const maxThreads = 4 << 20

// threadTable finds a thread by its id with two array look-ups.
type threadTable struct {
	pages [1 << 12]*[1 << 10]thread
}

// at returns the place of a thread, which stays valid for the table's life.
func (t *threadTable) at(tid int32) *thread {
	i := uint32(tid) >> 10 & (1<<12 - 1)
	page := t.pages[i]
	if page == nil {
		page = new([1 << 10]thread)
		t.pages[i] = page
	}
	return &page[uint32(tid)&(1<<10-1)]
}

// of calls f for every known thread of a process.
func (t *threadTable) of(pid int32, f func(*thread)) {
	for _, page := range t.pages {
		if page == nil {
			continue
		}
		for i := range page {
			if page[i].known && page[i].pid == pid {
				f(&page[i])
			}
		}
	}
}
