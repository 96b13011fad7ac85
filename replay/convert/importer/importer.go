// Package importer makes captures of what other tools wrote: strace's text,
// perf script's and perf trace's, the recordings of LID-DS, plain lists of
// system-call numbers as public data sets have them, and systape's own JSON
// lines.
//
// What such a text does not say is not invented: an argument or a result that
// it does not tell is marked as not known in the detail of its event (see
// [format.Argument]), columns without any information hold zeros,
// [Result.Missing] names them, and the capture says so. Names of flags become
// numbers again, and paths go into detail. A line that cannot be read is
// counted and shown to the caller, and the rest goes on.
//
// A text may be compressed by gzip and begin with a byte order mark.
// Events of a text without times are one nanosecond apart, which says no more
// than their order.
//
// Events come out in the order of time. A text that is in that order needs
// memory for the calls in progress only. perf trace prints a call when it has
// returned, with the time at which it was entered: there events are held back
// until 262,144 of them wait.
package importer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"systape/format"
	"systape/format/abi"
)

// Formats lists what can be imported, in the words of the command line.
var Formats = []string{"strace", "perf-script", "perf-trace", "babeltrace", "tracee", "lidds", "numbers", "unm", "jsonl", "dump"}

// Source is one text to import.
type Source struct {
	Name string
	R    io.Reader
	TID  int32 // the thread that a text without thread ids is about, such as the 17 of strace -ff's trace.17; 0: not known
}

// Options say how to read.
type Options struct {
	From string  // one of Formats
	ABI  abi.ABI // by which numbers are named and names numbered
	// Guess says that ABI is only a default: names at the beginning of the text
	// that another ABI has and this one has not decide for that one.
	Guess bool
	// Date is the day (midnight) on which a text with times of day begins.
	Date time.Time
	// Map are the names of the calls by number, for unm; nil means those of
	// the ABI.
	Map []string
	// Bad is told every line that could not be read; may be nil.
	Bad func(source string, line int64, text string, err error)
}

// Result says what an import found.
type Result struct {
	Lines    int64
	Events   int64
	Calls    int64 // enters
	Skipped  int64 // lines that could not be read
	Ignored  int64 // lines that are not about calls and say so: signals, stack traces, messages of the tool
	Signals  int64 // signals among these
	Reorder  int64 // events that came too late to be put into the order of time; they have the time of their neighbour
	Guessed  int64 // threads whose process is not known: each is taken for a process of its own
	Nameless int64 // calls whose name has no number in the ABI's table
	Returns  int64 // calls that are seen to return only
	From     int64 // capture time of the first event
	To       int64 // and the last
	Missing  []string
	ABI      abi.ABI // of the first call

	Meta  *format.Meta // what a text of systape's own says about the capture; nil: nothing
	Whole bool         // and that all rows of that capture are in the text
	// Exact says that the text has the capture as it is, with its format version
	// and part.
	Exact bool
}

// maxLine bounds what one line may take.
const maxLine = 4 << 20

const batchRows = 8192

// Import reads the sources and gives the events to write, in the order of
// time, in batches that are valid until write returns. Several sources are
// merged by time when the lines have times, and follow upon each other
// otherwise. An error is one of reading, of write, or says that the text is
// not of the kind it is said to be; lines that cannot be read are no error.
func Import(sources []Source, opt Options, write func(*format.Batch) error) (*Result, error) {
	ins, err := openInputs(sources)
	if err != nil {
		return nil, err
	}
	if opt.From == "jsonl" {
		return importJSONL(ins, write)
	}
	if opt.From == "dump" {
		return importDump(ins, write)
	}
	if opt.Guess {
		opt.ABI = guessABI(ins, opt.ABI)
	}
	im := &importer{opt: opt, out: newTimeline(write), missing: map[string]bool{}}
	var p parser
	switch opt.From {
	case "strace":
		p = newStrace(im)
	case "perf-script":
		p = newPerfScript(im)
	case "perf-trace":
		im.out.hold = 1 << 18
		p = newPerfTrace(im)
	case "babeltrace":
		p = newBabeltrace(im)
	case "tracee":
		im.out.hold = 1 << 18
		p = newTracee(im, beginsWith(ins, `"sys_enter"`, `"sys_exit"`))
	case "lidds":
		p = newLIDDS(im)
	case "numbers":
		p = newNumbers(im)
	case "unm":
		p = newUNM(im)
	default:
		return nil, fmt.Errorf("unknown source %q: want one of %v", opt.From, Formats)
	}
	if err := im.read(ins, p); err != nil {
		return &im.res, err
	}
	p.finish()
	im.out.flush()
	im.res.Returns = im.out.alone
	if im.out.err != nil {
		return &im.res, im.out.err
	}
	im.res.Events, im.res.Calls, im.res.Reorder, im.res.Guessed = im.out.seq, im.out.enters, im.out.late, im.out.guessed
	im.res.From, im.res.To = im.out.first, im.out.last
	for _, m := range []string{"ts_ns", "date", "exit ts_ns", "cpu", "pid", "tid", "nr", "ret", "comm", "container",
		"arg0", "arg1", "arg2", "arg3", "arg4", "arg5", "fork", "exec", "thread_end"} {
		if im.missing[m] || len(m) == 4 && m[:3] == "arg" && im.untold[m[3]-'0'] && !im.told[m[3]-'0'] {
			im.res.Missing = append(im.res.Missing, m)
		}
	}
	if im.res.Calls == 0 && im.res.Skipped > 0 {
		return &im.res, fmt.Errorf("%w as %s", ErrNoLine, opt.From)
	}
	return &im.res, nil
}

// parser reads one kind of text.
type parser interface {
	// begin is told that lines of another source follow.
	begin(src *Source)
	// stamp returns the time that a line begins with, as far as it takes to
	// order lines of several sources.
	stamp(line []byte) (ts int64, ok bool)
	line(text []byte) error
	finish()
}

// importer is what the parsers share.
type importer struct {
	opt     Options
	out     *timeline
	res     Result
	missing map[string]bool
	told    [6]bool // arguments of which at least one was known
	untold  [6]bool // and those of which at least one was not
	nothing [7]string
	haveABI bool
}

var errIgnore = errors.New("not about a call")

func (im *importer) lack(names ...string) {
	for _, n := range names {
		im.missing[n] = true
	}
}

// args stores what is known of a call's arguments.
func (im *importer) args(ev *format.Event, args [6]int64, detail string) {
	ev.Args, ev.Detail = args, detail
	for i := range min(abi.NumArgs(ev.ABI, ev.Nr), len(args)) {
		if format.ArgumentUnknown(detail, i, args[i]) {
			im.untold[i] = true
		} else {
			im.told[i] = true
		}
	}
}

// noArgs says of all arguments of a call that they are not known.
func (im *importer) noArgs(ev *format.Event) {
	n := min(abi.NumArgs(ev.ABI, ev.Nr), len(ev.Args))
	if im.nothing[n] == "" {
		var d []byte
		for i := range n {
			d = format.AppendUnknownArgument(d, i)
		}
		im.nothing[n] = string(d)
	}
	im.args(ev, [6]int64{}, im.nothing[n])
}

// orphan notes that a thread that the text has told of before returns from a
// call whose beginning the text leaves out. Without it, such a call would look
// refused.
func (im *importer) orphan(ts int64, cpu int32) {
	im.out.add(ts, nil, format.Event{Kind: format.Lost, CPU: cpu, Args: [6]int64{1, 0, 0, 1, 0, int64(format.CauseDropped)}})
}

func (im *importer) read(ins []*input, p parser) error {
	merge := len(ins) > 1
	for _, in := range ins {
		in.next()
		if in.err == nil && merge {
			var ok bool
			if in.ts, ok = p.stamp(in.text); !ok {
				merge = false
			}
		}
	}
	var current *input
	for len(ins) > 0 {
		k := 0
		if merge {
			for i, in := range ins {
				if in.ts < ins[k].ts {
					k = i
				}
			}
		}
		in := ins[k]
		if in.err == io.EOF {
			ins = slices.Delete(ins, k, k+1)
			continue
		}
		if in.err != nil {
			return fmt.Errorf("%s: line %d: %w", in.src.Name, in.n, in.err)
		}
		if in != current {
			p.begin(in.src)
			current = in
		}
		im.one(p, in)
		if im.out.err != nil {
			return im.out.err
		}
		in.next()
		if merge && in.err == nil {
			if ts, ok := p.stamp(in.text); ok {
				in.ts = ts
			}
		}
	}
	return nil
}

func (im *importer) one(p parser, in *input) {
	im.res.Lines++
	if len(bytes.TrimSpace(in.text)) == 0 {
		im.res.Ignored++
		return
	}
	switch err := p.line(in.text); err {
	case nil:
	case errIgnore:
		im.res.Ignored++
	default:
		im.res.Skipped++
		if im.opt.Bad != nil {
			im.opt.Bad(in.src.Name, in.n, string(in.text), err)
		}
	}
}

// number finds the number of a call's name and counts names without one.
func (im *importer) number(a abi.ABI, name string) int32 {
	if !im.haveABI {
		im.haveABI, im.res.ABI = true, a
	}
	if nr, ok := abi.Number(a, name); ok {
		return nr
	}
	im.res.Nameless++
	im.lack("nr")
	return -1
}

func (im *importer) name(a abi.ABI, nr int32) string {
	if !im.haveABI {
		im.haveABI, im.res.ABI = true, a
	}
	return abi.NameOr(a, nr)
}
