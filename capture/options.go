package capture

import (
	"errors"
	"fmt"
	"time"

	"systape/format"
	"systape/format/abi"
)

// Options say what to record. Exactly one of Command, PIDs and All chooses the
// processes, All may come with a Command that sets the time.
type Options struct {
	Command    []string      // run this and record it from its execve on
	PIDs       []int32       // record these processes
	Follow     bool          // with PIDs: their descendants, too, those that are there and those to come; a command's are always followed
	All        bool          // record every process but the recorder
	Syscalls   *abi.Set      // nil: all
	Comms      []string      // only threads of these names, in which * stands for any letters
	UIDs       []uint32      // only threads of these users
	Cgroups    []string      // only threads in these cgroups or below: paths as in /proc/PID/cgroup
	Containers []string      // only these containers: ids or their beginning, names, or names of pods
	Failed     bool          // only calls that return an error
	LeastTime  time.Duration // only calls that last so long; 0: all
	Sample     int           // one call in so many, drawn by lot; 0, 1: every call
	MaxRate    int64         // calls a second at most, by drawing as many as that allows; 0: no bound
	Budget     float64       // share of the time of all CPUs that recording may take, likewise; 0: no bound
	MaxMemory  int64         // bytes that the recorder may take, likewise; 0: no bound
	Paths      PathRule      // when file names and socket addresses are read
	PathMax    int           // bytes of a file name at most; 0: 256
	WaitAll    bool          // with Command: until the last process that came of it has ended
	User       *User         // of the command; nil: ours
	Duration   time.Duration // stop after so long; 0: when told to
	Rotation   *Rotation     // nil: the recording is one part
	Flight     *Flight       // nil: the recording goes to a file, at once; excludes Rotation
	Buffer     int64         // bytes for each CPU; 0: chosen by the number of CPUs
	Keep       *format.Keep  // how many of its files whoever makes them keeps, for the metadata; nil: all
	NoBTF      bool          // hook as on a kernel without BTF
	DropRights bool          // without Command: give up for the whole process, for good, what only starting needs
	Tool       string        // program and version, for the metadata

	// CommandLine is what the metadata says of Command, and CommandHidden what
	// is left out of it, as [format.Request] has them. Both empty: all of it.
	CommandLine   []string
	CommandHidden string
}

// PathRule says of which calls the file names and socket addresses are read
// that their arguments point to.
type PathRule uint8

// The rules.
const (
	NoPaths PathRule = iota
	AllPaths
	FailedPaths // of calls that fail, at their exit
)

// String returns the word that captures store, "" for NoPaths.
func (r PathRule) String() string { return [...]string{"", "all", "failed"}[r] }

// DefaultPathMax is how many bytes of a file name are read when PathMax is 0.
const DefaultPathMax = 256

// LongestPath is the most that PathMax can be (include/uapi/linux/limits.h:
// PATH_MAX).
const LongestPath = 4096

func (o *Options) validate() error {
	chosen := 0
	for _, is := range []bool{len(o.Command) > 0, len(o.PIDs) > 0, o.All} {
		if is {
			chosen++
		}
	}
	switch {
	case chosen == 0:
		return errors.New("nothing to record: give a command, -p PID or -a")
	case len(o.Command) > 0 && len(o.PIDs) > 0:
		return errors.New("a command and -p exclude each other")
	case len(o.PIDs) > 0 && o.All:
		return errors.New("-p and -a exclude each other")
	case o.WaitAll && (len(o.Command) == 0 || o.All):
		return errors.New("to wait for all is to wait for what a command started: it goes with a command, and not with -a")
	case o.User != nil && len(o.Command) == 0:
		return errors.New("a user to run as goes with a command")
	case o.Sample < 0 || o.MaxRate < 0 || o.Budget < 0 || o.Budget > 1 || o.MaxMemory < 0 || o.LeastTime < 0:
		return errors.New("a bound on what is recorded is out of range")
	case o.Flight != nil && o.Rotation != nil:
		return errors.New("a flight recorder's files are no parts of one recording")
	case o.Duration < 0:
		return fmt.Errorf("a duration of %v is in the past", o.Duration)
	case o.PathMax != 0 && (o.PathMax < 16 || o.PathMax > LongestPath):
		return fmt.Errorf("paths of at most %d bytes: it takes a number from 16 to %d", o.PathMax, LongestPath)
	case o.Buffer != 0 && (o.Buffer < 64<<10 || o.Buffer&(o.Buffer-1) != 0 || o.Buffer > 1<<30):
		return fmt.Errorf("a buffer of %d bytes: it takes a power of two from 64 KiB to 1 GiB", o.Buffer)
	}
	if o.Flight != nil {
		return o.Flight.validate(o.Syscalls)
	}
	return nil
}

// User is whom a command runs as.
type User struct {
	UID, GID uint32
	Groups   []uint32
}

// held reports whether calls are chosen by how they end.
func (o *Options) held() bool { return o.Failed || o.LeastTime > 0 }

// sampled reports whether calls may be left out by lot.
func (o *Options) sampled() bool {
	return o.Sample > 1 || o.MaxRate > 0 || o.Budget > 0 || o.MaxMemory > 0
}

// SetupError says why a recording could not begin, and what to do about it.
type SetupError struct {
	Err          error
	Hint         string // the next step, "" if there is none to name
	Usage        bool   // what was asked for does not make sense
	NoPermission bool   // a right is missing
	ExitCode     int    // of a command that could not be started, as env(1) has it: 126 or 127; else 0
}

func (e *SetupError) Error() string { return e.Err.Error() }

func (e *SetupError) Unwrap() error { return e.Err }
