package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/pflag"

	"systape/capture"
	"systape/replay/units"
)

// flightFlags make the recorder a flight recorder.
type flightFlags struct {
	keep     string
	triggers []string
	after    time.Duration
	cooldown time.Duration
	parsed   capture.Flight
}

// flightFiles is how many files are kept where -W says nothing: a disk is full sooner
// than somebody looks.
const flightFiles = 10

func (f *flightFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.keep, "flight", "", "keep the latest stretch in memory, of a `time` or a size or both (60s; 256MB; 60s,256MB), and write it only when asked to or on --trigger")
	flags.StringArrayVar(&f.triggers, "trigger", nil, "with --flight: write a file `when` this happens, see above; may be given several times")
	addDuration(flags, &f.after, "after", "", 5*time.Second, "with --flight: go on for this `time` after a trigger")
	addDuration(flags, &f.cooldown, "cooldown", "", time.Minute, "with --flight: for this `time` after a trigger others write no file")
}

func (f *flightFlags) asked() bool { return f.keep != "" }

// check reads the flags.
func (f *flightFlags) check(all *recordFlags) error {
	if !f.asked() {
		if len(f.triggers) > 0 {
			return errors.New("--trigger writes what --flight keeps: give --flight 60s")
		}
		return nil
	}
	p := &f.parsed
	for word := range strings.SplitSeq(f.keep, ",") {
		if d, err := parseDuration(word); err == nil && d > 0 && p.Window == 0 {
			p.Window = time.Duration(d)
		} else if n, err := humanize.ParseBytes(word); err == nil && n > 0 && n < 1<<50 && p.Bytes == 0 {
			p.Bytes = int64(n)
		} else {
			return fmt.Errorf("--flight %s: want a time such as 60s, a size such as 256MB, or both with a comma between", f.keep)
		}
	}
	if p.Bytes > 0 && p.Bytes < 4<<20 {
		return fmt.Errorf("--flight %s: want 4 MiB at least", f.keep)
	}
	p.After, p.Cooldown = f.after, f.cooldown
	if f.after < 0 || f.cooldown < 0 {
		return errors.New("--after and --cooldown take times that are not negative")
	}
	for _, text := range f.triggers {
		t, err := capture.ParseTrigger(text)
		if err != nil {
			return err
		}
		p.Triggers = append(p.Triggers, t)
	}
	if all.rotation.count == 0 {
		all.rotation.count = flightFiles
	}
	return nil
}

// triggerHelp is the table of what --trigger takes.
func triggerHelp() string {
	var b strings.Builder
	for _, f := range capture.TriggerForms {
		fmt.Fprintf(&b, "  %-16s %-17s %s\n", f.Form, f.Example, f.Meaning)
	}
	return b.String()
}

// flight is how the recording is a flight recorder; nil: it is none.
func (o *recordOutput) flight(stderr io.Writer) *capture.Flight {
	if o.apart == nil {
		return nil
	}
	o.parts.stderr, o.parts.each = stderr, "file"
	f := o.apart.parsed
	f.Next = o.parts.next
	return &f
}

// flightSummary says what was seen and what was written of it.
func flightSummary(w io.Writer, s capture.Status, out *recordOutput) {
	fmt.Fprintf(w, "systape: %s events seen in %s, %s lost; %s: %s\n", units.Count(s.Events), s.Elapsed.Round(10*time.Millisecond),
		units.Count(s.Lost), units.Bytes(out.bytes), out.parts.told())
}
