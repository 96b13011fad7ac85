package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"systape/capture"
	"systape/cmd/systape/internal/out"
	"systape/format"
	"systape/replay/escape"
	"systape/replay/units"
)

// recordOutput is where a recording goes: the spool while it lasts, then the
// capture file.
type recordOutput struct {
	path       string // of the capture
	spoolPath  string
	file       *os.File         // the spool
	later      []capture.Output // further spools, of parts that are not finished either
	unfinished []capture.Output // all of these, where there are parts
	stream     bool             // the spool is an open descriptor, and that is all
	keepSpool  bool
	force      bool
	bytes      int64        // of the finished captures
	parts      *rotation    // nil: the recording is one part
	apart      *flightFlags // the parts are a flight recorder's files; nil: they are not
	signing    *signFlags   // with what finished files are signed
	stderr     io.Writer
	chownErr   error // why the files stay ours and not the user's who called sudo
}

// openRecordOutput finds out, before anything is recorded, that the capture
// can be written under its name.
func openRecordOutput(f *recordFlags, args []string) (*recordOutput, error) {
	o := &recordOutput{path: f.out, keepSpool: f.keepSpool, force: f.force, signing: &f.signing}
	if n, ok := streamOf(f.out); ok {
		return o, o.openDescriptor(n, f.misuse(args))
	}
	stem, now := recordName(f, args), time.Now()
	var err error
	switch {
	case f.flight.asked():
		o.parts, o.apart = newRotation(f, stem, now), &f.flight
		err = o.parts.try()
	case f.rotation.asked():
		o.parts = newRotation(f, stem, now)
		var first capture.Output
		first, err = o.parts.next(1, time.Now())
		o.path, o.spoolPath, o.file, o.chownErr = first.Path, first.Spool, first.File, o.parts.chownErr
	default:
		err = o.open(stem + now.Format(nameTime))
	}
	if r, ok := errors.AsType[*refusal](err); ok {
		return nil, &exitError{code: f.failure(args), err: r.err, hint: r.hint}
	}
	if err != nil {
		return nil, &exitError{code: f.failure(args), err: err}
	}
	return o, nil
}

// open makes the spool of a recording of one part; of the name base and the first
// number that is free if -o gives none.
func (o *recordOutput) open(base string) (err error) {
	chosen := o.path != ""
	for n := 1; ; n++ {
		if !chosen {
			o.path = base + ".parquet"
			if n > 1 {
				o.path = fmt.Sprintf("%s-%d.parquet", base, n)
			}
		}
		o.file, err = createSpool(o.path, o.force && chosen, o.signing)
		if err == nil || chosen || !isTaken(err) {
			break
		}
	}
	if err != nil {
		return err
	}
	o.spoolPath, o.chownErr = format.SpoolName(o.path), giveToInvoker(o.file)
	return nil
}

// streamOf returns the descriptor that a name of a capture stands for.
func streamOf(name string) (n int, ok bool) {
	if name == "-" {
		return 1, true
	}
	return out.Descriptor(name)
}

func isStream(name string) bool { _, ok := streamOf(name); return ok }

// openDescriptor lets the spool go to an open descriptor.
func (o *recordOutput) openDescriptor(n, misuse int) error {
	o.stream, o.file = true, os.Stdout
	switch n {
	case 1:
	case 0, 2:
		return &exitError{code: misuse, err: fmt.Errorf("%s is not for captures: messages go there, or input comes from there", o.path), hint: "-o - writes to standard output"}
	default:
		o.file = os.NewFile(uintptr(n), o.path)
		if _, err := o.file.Stat(); err != nil {
			return &exitError{code: misuse, err: fmt.Errorf("%s is not open", o.path)}
		}
		keepFromCommand(n)
	}
	if term.IsTerminal(int(o.file.Fd())) {
		return &exitError{code: misuse, err: errors.New("a capture on the terminal would be unreadable"), hint: "send it to a file or a pipe"}
	}
	return nil
}

// nameTime is how the time at which a recording begins stands in the names that it
// chooses for its files.
const nameTime = "-20060102-150405"

// recordName makes the beginning of the name of a file of what is recorded.
func recordName(f *recordFlags, args []string) string {
	name := "system"
	if len(args) > 0 {
		name = filepath.Base(args[0])
	} else if len(f.pids) > 0 {
		name = "pid" + strconv.Itoa(int(f.pids[0]))
	}
	name = strings.Map(func(r rune) rune {
		if r == '.' || r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return '_'
	}, strings.TrimLeft(name, ".-"))
	return name[:min(len(name), 100)]
}

// sealOptions are how this recording's capture is written.
func (o *recordOutput) sealOptions() format.SealOptions {
	return format.SealOptions{FileOptions: format.FileOptions{Force: o.force, Created: mayGiveToInvoker}} // what hinders it has been said of the spool
}

// giveToInvoker makes a file belong to the user who called sudo. Not every file
// system can: FAT and some of the network know no owners.
func giveToInvoker(f *os.File) error {
	uid, err1 := strconv.Atoi(os.Getenv("SUDO_UID"))
	gid, err2 := strconv.Atoi(os.Getenv("SUDO_GID"))
	if err1 != nil || err2 != nil || os.Geteuid() != 0 {
		return nil
	}
	return f.Chown(uid, gid)
}

// mayGiveToInvoker is giveToInvoker for files that are as good where it cannot.
func mayGiveToInvoker(f *os.File) error {
	giveToInvoker(f)
	return nil
}

// discard removes what a recording left that did not begin.
func (o *recordOutput) discard() {
	if !o.stream && o.file != nil {
		o.file.Close()
		os.Remove(o.spoolPath)
	}
}

// spools are the names of all that is not a capture yet, in the order of recording.
func (o *recordOutput) spools() []string {
	if o.stream || o.spoolPath == "" {
		return nil
	}
	spools := []string{o.spoolPath}
	for _, part := range o.later {
		spools = append(spools, part.Spool)
	}
	return spools
}

// hint says where the events are after something went wrong, and what makes a
// capture of them.
func (o *recordOutput) hint() string {
	spools := o.spools()
	if len(spools) == 0 {
		return ""
	}
	args := append([]string{"systape", "recover"}, spools...)
	if o.spoolPath != o.path+format.SpoolSuffix { // which recover would not find out
		args = append(args, "-o", o.path)
	}
	safe, make := spools[0], "a capture of it"
	if n := len(spools); n > 1 {
		safe, make = fmt.Sprintf("%s and %s more", safe, units.Counted(int64(n-1), "spool")), "captures of them"
	}
	return "what was recorded is safe in " + escape.Text(safe) + "; to make " + make + ":\n  " + escape.Command(args)
}

// broken reports a recording that ended before its time, above all on a full
// disk. Spools that hold nothing are removed.
func (o *recordOutput) broken(err error, code int) error {
	e := &exitError{code: code, err: fmt.Errorf("recording stopped: %w", err)}
	full := errors.Is(err, syscall.ENOSPC)
	at, known := errors.AsType[*fs.PathError](err)
	switch spools := o.spools(); {
	case !full:
	case known:
		e.err = fmt.Errorf("recording stopped: %w", at)
	case len(spools) > 0:
		e.err = fmt.Errorf("recording stopped: %w", &fs.PathError{Op: "write", Path: spools[len(spools)-1], Err: syscall.ENOSPC})
	}
	if o.stream || o.apart != nil {
		e.hint = o.hint()
		return e
	}
	gone := ""
	if o.parts != nil {
		gone = o.followParts(o.unfinished)
	}
	o.dropEmpty()
	e.hint = o.hint()
	switch {
	case gone != "":
		e.err = fmt.Errorf("%w; %s was removed, and what was recorded with it", e.err, gone)
	case e.hint == "" && o.parts != nil && o.parts.any():
		e.hint = "what was recorded is in " + o.parts.told()
	case e.hint == "":
		e.err = fmt.Errorf("%w: no event was recorded", e.err)
		if full {
			e.hint = "name a file on a disk that has space with -o"
		}
	case full:
		e.hint += "\n(free some space first, or name another file with -o)"
	}
	return e
}

// dropEmpty removes the spools that hold no event.
func (o *recordOutput) dropEmpty() {
	var left []capture.Output
	if o.spoolPath != "" {
		left = append(left, capture.Output{Spool: o.spoolPath, Path: o.path})
	}
	left = slices.DeleteFunc(append(left, o.later...), func(part capture.Output) bool {
		info, err := os.Stat(part.Spool)
		if err != nil || info.Size() >= 1<<20 {
			return false
		}
		in, err := format.ReadInfo([]string{part.Spool}, format.ReadOptions{Warn: func(error) {}})
		return (err != nil || in.Rows == 0) && os.Remove(part.Spool) == nil
	})
	o.now(left)
}

// seal begins to make the capture file; nil where the spool is what is wanted.
func (o *recordOutput) seal(r *capture.Recording) *capture.Sealing {
	if o.stream || o.keepSpool && o.parts == nil {
		return nil
	}
	opt := capture.SealingOptions{SealOptions: o.sealOptions(), SpoolOnly: o.keepSpool, Apart: o.apart != nil}
	opt.Finished = o.finished
	return r.Seal(capture.Output{File: o.file, Spool: o.spoolPath, Path: o.path}, opt)
}

// finished is told of each file that is whole.
func (o *recordOutput) finished(part *capture.Sealed) {
	oldest := 1
	if o.parts != nil && o.apart == nil {
		oldest = o.parts.oldest()
	}
	o.signing.sign(part, oldest, o.stderr)
	if o.parts != nil {
		o.parts.finished(part)
	}
}

// now says which parts are not finished.
func (o *recordOutput) now(left []capture.Output) {
	o.spoolPath, o.later, o.unfinished = "", nil, left
	if len(left) > 0 {
		o.path, o.spoolPath, o.later = left[0].Path, left[0].Spool, left[1:]
	}
}

// rotation is how the recording goes on in other parts; nil: it does not.
func (o *recordOutput) rotation(stderr io.Writer) *capture.Rotation {
	if o.parts == nil || o.apart != nil {
		return nil
	}
	o.parts.stderr = stderr
	return &capture.Rotation{Bytes: o.parts.flags.bytes, Every: o.parts.flags.every, Next: o.parts.next}
}

// keeps is what the captures say of the files that are kept; nil: all are.
func (o *recordOutput) keeps() *format.Keep {
	if o.parts == nil || o.parts.flags.count == 0 {
		return nil
	}
	return &format.Keep{Files: o.parts.flags.count, Name: o.parts.like}
}

// leftovers are what earlier recorders of the parts' name left. Spools without an
// event are removed.
func (o *recordOutput) leftovers() []leftover {
	if o.parts == nil {
		return nil
	}
	return slices.DeleteFunc(o.parts.leftovers(), func(l leftover) bool { return l.spool && format.RemoveEmptySpool(l.path) })
}

// adopt begins to count what earlier recorders left among the files that are kept.
func (o *recordOutput) adopt(left []leftover) {
	if o.parts != nil {
		o.parts.hooks.Go(func() { o.parts.adopt(left) })
	}
}

// finish makes the capture file of the spool, which is mostly done already.
func (o *recordOutput) finish(sealing *capture.Sealing, stderr io.Writer, quiet bool) error {
	if o.stream {
		return nil
	}
	err := o.follow()
	if o.file != nil {
		err = errors.Join(err, o.file.Close())
	}
	if err != nil {
		if sealing != nil {
			sealing.Abort()
		}
		return err
	}
	if sealing == nil {
		return nil
	}
	bytes, err := finishSealing(sealing, stderr, quiet)
	o.now(sealing.Unfinished())
	o.bytes = bytes
	if o.parts != nil {
		o.parts.wait()
	}
	return err
}
