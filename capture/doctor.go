package capture

// What a machine has to be like for recording, looked at point by point.

// Finding is how a point was found to be.
type Finding string

// The findings.
const (
	FindingOK    Finding = "ok"    // as it should be
	FindingNote  Finding = "note"  // recording works, with what the note says
	FindingFails Finding = "fails" // nothing can be recorded until this is mended
)

// Check is one point that was looked at.
type Check struct {
	Name    string  `json:"check"`
	Finding Finding `json:"finding"`
	Found   string  `json:"found"`          // what there is
	Next    string  `json:"next,omitempty"` // what to do about it; a line that begins with two blanks is a command to be pasted
}

// Overhead is what recording costs here, by a loop of calls that do nothing
// (getppid) on one CPU. All times of calls are CPU time of the loop; what was
// added is the median of rounds that take turns with the bare loop.
type Overhead struct {
	BareNS        float64 `json:"bare_ns_per_call"`
	FloorNS       float64 `json:"floor_ns_per_call,omitempty"` // added by probes that only fill a ring buffer; 0: not measured
	AddedNS       float64 `json:"added_ns_per_call"`           // added by recording
	CPUPerEvent   float64 `json:"recorder_cpu_ns_per_event"`   // of the recorder, from its buffers to the spool
	BytesPerEvent float64 `json:"spool_bytes_per_event"`
	Events        int64   `json:"events"`
	Lost          int64   `json:"lost"`
}

// Examination is what Examine found.
type Examination struct {
	Checks   []Check
	Overhead *Overhead // nil: not measured
}

// CanRecord reports whether nothing stands in the way of recording.
func (e *Examination) CanRecord() bool {
	for _, c := range e.Checks {
		if c.Finding == FindingFails {
			return false
		}
	}
	return true
}

func (e *Examination) add(name string, f Finding, found, next string) {
	e.Checks = append(e.Checks, Check{name, f, found, next})
}

// ExamineOptions say what to look at.
type ExamineOptions struct {
	Dir  string   // where captures are to go
	Load []string // a command that calls getppid on one CPU and prints "nanoseconds-per-call calls"; nil: measure nothing
}
