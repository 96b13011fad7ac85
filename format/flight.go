package format

// Flight says of a file that a flight recorder wrote: the recorder ran before and
// went on afterwards, and the file has the stretch around one instant. It is a
// capture of its own, with its own id, whose seq begins with where the stretch did.
type Flight struct {
	Recorder    string    `json:"recorder"`               // 32 hex digits, the same in all files of one recorder
	Number      int       `json:"number"`                 // of the file, from 1
	WindowNS    int64     `json:"window_ns,omitempty"`    // how much time the recorder keeps; 0: as much as WindowBytes hold
	WindowBytes int64     `json:"window_bytes,omitempty"` // how many bytes it keeps; 0: as many as WindowNS takes
	AfterNS     int64     `json:"after_ns"`               // how long the file goes on after a trigger
	Triggers    []string  `json:"triggers,omitempty"`     // all that the recorder looks for
	Why         FlightWhy `json:"why"`                    // the file was written
	Trigger     string    `json:"trigger,omitempty"`      // the one of Triggers that fired
	What        string    `json:"what,omitempty"`         // happened, for people
	AtNS        int64     `json:"at_ns"`                  // capture time of that, or of the signal or the end
	PID         int32     `json:"pid,omitempty"`          // of the thread to which it happened; 0: to none alone
	TID         int32     `json:"tid,omitempty"`          //
	Comm        string    `json:"comm,omitempty"`         // its name
	Passed      int64     `json:"passed,omitempty"`       // times that triggers fired since the file before without one of their own
}

// FlightWhy is the reason for which a flight recorder wrote a file.
type FlightWhy string

// The reasons.
const (
	FlightTrigger FlightWhy = "trigger"
	FlightSignal  FlightWhy = "signal" // somebody asked for it
	FlightEnd     FlightWhy = "end"    // of the recorder
)
