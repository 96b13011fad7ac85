package format

import "slices"

// Meta is what a capture says about itself. It is stored as key-value
// metadata, one JSON document for each field; FORMAT.md names the keys.
// All instants are capture time (ns, the same clock as the column ts_ns).
type Meta struct {
	Version   int        `json:"format"`              // of the events table; this program writes Version
	CaptureID string     `json:"capture"`             // 32 hex digits, one for each recording, the same in all its parts
	Tool      string     `json:"tool"`                // program and version that wrote the file
	Host      Host       `json:"host"`                //
	Clock     Clock      `json:"clock"`               //
	Request   Request    `json:"request"`             // what was asked to be recorded
	Probes    []Probe    `json:"probes,omitempty"`    // in the order of attachment
	Filtered  *Filtered  `json:"filtered,omitempty"`  // nil until the recorder has ended properly, and when nothing was filtered
	Counts    *Counts    `json:"counts,omitempty"`    // nil until the recorder has ended properly
	Cost      *Cost      `json:"cost,omitempty"`      // what recording took
	Part      Part       `json:"part"`                // which part of the recording this file is
	Flight    *Flight    `json:"flight,omitempty"`    // set when a flight recorder wrote the file: it has a stretch of the recording
	Imported  *Imported  `json:"imported,omitempty"`  // set when no kernel was read: the events come from another tool's output
	Selection *Selection `json:"selection,omitempty"` // set when rows of the capture were left out
	Redacted  *Redacted  `json:"redacted,omitempty"`  // set when names in it are pseudonyms
	Complete  bool       `json:"complete"`            // the recorder ended properly and everything it received is in the file
	Recovered string     `json:"recovered,omitempty"` // set by recover: what was saved and what was not
}

// Version is the format version that this program writes. It reads all earlier
// ones, and writes the rest of a capture that began with an earlier one in that.
const Version = 2

// Host describes the machine that was recorded.
type Host struct {
	Name         string `json:"name"`
	Kernel       string `json:"kernel"` // uname -r
	Arch         string `json:"arch"`   // uname -m
	CPUs         int    `json:"cpus"`   // possible CPUs
	BootID       string `json:"boot_id"`
	Distribution string `json:"distribution"` // PRETTY_NAME of os-release
}

// Clock ties capture time to other clocks.
type Clock struct {
	OffsetNS int64    `json:"offset_ns"` // capture time = CLOCK_MONOTONIC + OffsetNS, constant for the capture
	Anchors  []Anchor `json:"anchors"`   // at the start, periodically, around steps of the wall clock and at the end
}

// Anchor is one simultaneous reading of two clocks.
type Anchor struct {
	TS     int64 `json:"ts_ns"`       // capture time
	RealNS int64 `json:"realtime_ns"` // CLOCK_REALTIME at that instant
}

// Request is what the user asked to be recorded.
type Request struct {
	Command    []string `json:"command,omitempty"`
	Hidden     string   `json:"hidden,omitempty"` // what of the command line is left out: "secrets", "arguments", "command"
	PIDs       []int32  `json:"pids,omitempty"`
	Launched   int32    `json:"launched,omitempty"` // process id of the command: until its first exec event the recorder's child; 0: none, or not known in a pid namespace
	Follow     bool     `json:"follow"`             // children of the chosen processes too
	All        bool     `json:"all"`                // the whole system
	Syscalls   string   `json:"syscalls,omitempty"` // the -e expression; "" means every call
	Comms      []string `json:"comms,omitempty"`
	UIDs       []uint32 `json:"uids,omitempty"`
	Cgroups    []string `json:"cgroups,omitempty"`
	Containers []string `json:"containers,omitempty"`
	Whole      bool     `json:"whole_calls,omitempty"`      // filters chose whole calls: what the enter decided held for the exit
	Failed     bool     `json:"failed,omitempty"`           // only calls that returned an error
	MinNS      int64    `json:"min_duration_ns,omitempty"`  // only calls that lasted so long
	Sample     int      `json:"sample"`                     // one call in Sample was recorded, whole, drawn by lot; 1 means every call
	MaxRate    int64    `json:"max_rate,omitempty"`         // calls a second at most, by drawing as many as that allows
	Budget     float64  `json:"budget,omitempty"`           // share of the machine's CPU time that recording may take, likewise
	MaxMemory  int64    `json:"max_memory_bytes,omitempty"` // of the recorder, kernel buffers included
	Seed       int64    `json:"seed,omitempty"`             // of the lot
	BufferSize int64    `json:"buffer_bytes"`               // of each CPU
	DurationNS int64    `json:"duration_ns,omitempty"`
	Paths      string   `json:"paths,omitempty"`    // file names and socket addresses were read: of "all" calls, or of "failed" ones
	PathMax    int64    `json:"path_max,omitempty"` // bytes of a file name at most
	Hook       string   `json:"hook"`               // "tp_btf" or "raw_tracepoint"
	Keep       *Keep    `json:"keep,omitempty"`     // set when only the latest of the recorder's files are kept
}

// Keep says that a recorder removes the oldest of the files that recorders of the
// same name left on the machine.
type Keep struct {
	Files int    `json:"files"` // so many finished ones are kept
	Name  string `json:"name"`  // of the files, without folders, as it was asked for: in which %Y and the like stand for times
}

// Floating reports whether threads may have come under the filters or left them
// inside a call, so that one half of it was recorded and not the other.
func (r *Request) Floating() bool { return r.byThread() && !r.Whole }

func (r *Request) byThread() bool {
	return len(r.Comms)+len(r.UIDs)+len(r.Cgroups)+len(r.Containers) > 0
}

// Gapless reports whether every call of a thread is there, from when its first
// one is.
func (r *Request) Gapless() bool {
	return r.Syscalls == "" && !r.byThread() && !r.Sampled() && !r.Held()
}

// Held reports whether enters were told only when their calls had returned, so
// that a row does not stand where its event happened.
func (r *Request) Held() bool { return r.Failed || r.MinNS > 0 }

// Sampled reports whether calls may have been left out by lot.
func (r *Request) Sampled() bool {
	return r.Sample > 1 || r.MaxRate > 0 || r.Budget > 0 || r.MaxMemory > 0
}

// Counted reports whether count rows tell the exact numbers of all calls that
// returned, whether they are in the capture or not.
func (r *Request) Counted() bool { return r.Held() || r.Sampled() }

// Filtered says how many calls the kernel side saw that were not to be
// recorded, by the first filter that said so.
type Filtered struct {
	Processes  int64 `json:"processes"`  // of other processes
	Syscalls   int64 `json:"syscalls"`   // other system calls
	UIDs       int64 `json:"uids"`       // of other users
	Comms      int64 `json:"comms"`      // of threads of other names
	Cgroups    int64 `json:"cgroups"`    // of other cgroups and containers
	Sample     int64 `json:"sample"`     // not drawn
	Outcome    int64 `json:"outcome"`    // did not fail, or did not last long enough
	Unfinished int64 `json:"unfinished"` // returned, but began before the recording or outside its filters
}

// Total returns all of them.
func (f *Filtered) Total() int64 {
	return f.Processes + f.Syscalls + f.UIDs + f.Comms + f.Cgroups + f.Sample + f.Outcome + f.Unfinished
}

// Probe is when one program was attached to its tracepoint and detached.
type Probe struct {
	Name     string `json:"name"` // tracepoint
	AttachNS int64  `json:"attach_ns"`
	DetachNS int64  `json:"detach_ns,omitempty"`
}

// Counts are the recorder's own counters. For every CPU, what the kernel side
// counted as seen equals what is in the file plus what was lost.
type Counts struct {
	PerCPU []CPUCounts `json:"per_cpu"`
	// Lost is how many events the lost rows tell of: those that a CPU's counters
	// have, and those for which the kernel ran no program, which none has. nil
	// where that was not written (before November 2026).
	Lost *int64 `json:"lost,omitempty"`
}

// NothingLost reports whether it is sure that there are no lost rows.
func (c *Counts) NothingLost() bool {
	return c != nil && c.Lost != nil && *c.Lost == 0 && c.Total().Lost() == 0
}

// CPUCounts are the counters of one CPU. Seen counts are taken in the kernel
// before an event is stored, so they do not depend on what reached the file.
type CPUCounts struct {
	CPU           int32 `json:"cpu"`
	Enters        int64 `json:"enters"`    // seen
	Exits         int64 `json:"exits"`     // seen
	Lifecycle     int64 `json:"lifecycle"` // fork, exec, rename and thread_end, seen
	LostEnters    int64 `json:"lost_enters"`
	LostExits     int64 `json:"lost_exits"`
	LostLifecycle int64 `json:"lost_lifecycle"`
}

// Total returns the sum over all CPUs, with CPU -1.
func (c *Counts) Total() CPUCounts {
	t := CPUCounts{CPU: -1}
	for _, p := range c.PerCPU {
		t.Enters += p.Enters
		t.Exits += p.Exits
		t.Lifecycle += p.Lifecycle
		t.LostEnters += p.LostEnters
		t.LostExits += p.LostExits
		t.LostLifecycle += p.LostLifecycle
	}
	return t
}

// Lost returns all events lost on the CPU.
func (c CPUCounts) Lost() int64 { return c.LostEnters + c.LostExits + c.LostLifecycle }

// Cost is what the recording took from the machine.
type Cost struct {
	CPUSeconds     float64 `json:"cpu_seconds"`                 // user and system time of the recorder
	UserSeconds    float64 `json:"user_seconds,omitempty"`      // the user time among it
	SystemSeconds  float64 `json:"system_seconds,omitempty"`    // the system time among it
	PeakRSSBytes   int64   `json:"peak_rss_bytes"`              // of the recorder, mapped kernel buffers included
	ProbeNSPerCall float64 `json:"probe_ns_per_call,omitempty"` // time in our programs for one call, when the kernel counts it
}

// Part numbers the files of one recording.
type Part struct {
	Number   int   `json:"number"`             // from 1
	FirstSeq int64 `json:"first_seq"`          // seq of the first row
	Rows     int64 `json:"rows"`               // -1 in a spool, which does not know
	Last     bool  `json:"last"`               // no part follows
	Rotation bool  `json:"rotation,omitempty"` // the recording is cut into parts on purpose; the first ones may have been removed
}

// Lacks reports whether the source of an imported capture told nothing of a
// column.
func (m *Meta) Lacks(column string) bool {
	return m.Imported != nil && slices.Contains(m.Imported.Missing, column)
}

// Imported says where the events of a capture come from that systape did not
// record, and what that source could not tell.
type Imported struct {
	From    string   `json:"from"`              // strace, perf-script, perf-trace, lidds, numbers, unm, jsonl
	Missing []string `json:"missing,omitempty"` // columns that hold no information, such as "arg0" or "cpu"
	Skipped int64    `json:"skipped"`           // lines that could not be read
}

// Redacted says what became of names in a capture that was made to be given
// away.
type Redacted struct {
	Tool    string   `json:"tool"`              // program and version that did it
	Key     string   `json:"key"`               // fingerprint of the key: the same in captures whose pseudonyms agree
	Dropped []string `json:"dropped,omitempty"` // classes of arguments and results that are not known now
}
