package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/pflag"

	"systape/capture"
	"systape/format"
	"systape/replay/escape"
)

// rotationFlags say how a recording is cut into parts, as tcpdump's of the same
// names do.
type rotationFlags struct {
	size  string
	bytes int64
	every time.Duration
	count int
	hook  string
}

func (f *rotationFlags) add(flags *pflag.FlagSet) {
	flags.StringVarP(&f.size, "file-size", "C", "", "begin another part when the capture has this `size`: 100MB, or a number of millions of bytes")
	addDuration(flags, &f.every, "rotate", "G", 0, "begin another part every so often: `time` such as 1h, or a number of seconds")
	flags.IntVarP(&f.count, "parts", "W", 0, "keep the latest so many finished `parts`, and remove older ones")
	flags.StringVarP(&f.hook, "on-part", "z", "", "run this `command` with the name of each finished part, at low priority")
}

// asked reports whether there are to be parts.
func (f *rotationFlags) asked() bool { return f.size != "" || f.every != 0 || f.count != 0 }

// check finds out whether the flags make sense.
func (f *rotationFlags) check(all *recordFlags) error {
	if f.size != "" {
		millions, err := strconv.ParseInt(f.size, 10, 64)
		f.bytes = millions * 1_000_000
		if err != nil {
			n, err := humanize.ParseBytes(f.size)
			if err != nil {
				return fmt.Errorf("-C %s: want a size such as 100MB", f.size)
			}
			f.bytes = int64(n)
		}
		if f.bytes < 64<<10 {
			return fmt.Errorf("-C %s: parts of less than 64 KiB hold next to nothing", f.size)
		}
	}
	switch {
	case all.flight.asked() && (f.size != "" || f.every != 0):
		return errors.New("-C and -G cut a recording into parts, of which --flight makes none; its files are as long as it says")
	case f.every < 0 || f.every > 0 && f.every < 100*time.Millisecond:
		return fmt.Errorf("-G %v: parts of less than 0.1 s hold next to nothing", f.every)
	case f.count < 0:
		return fmt.Errorf("-W %d: want how many parts to keep", f.count)
	case f.hook != "" && !f.asked() && !all.flight.asked():
		return errors.New("-z is run for parts: -C, -G or -W make some")
	case f.hook != "" && !runs(f.hook):
		return fmt.Errorf("-z %s: no such command; it is run with the name of the part, and what else it needs belongs into a script", escape.Word(f.hook))
	case all.flight.asked() && isStream(all.out):
		return errors.New("a flight recorder writes files: name one with -o")
	case f.asked() && isStream(all.out):
		return errors.New("a stream has no parts: name a file with -o")
	}
	_, err := formatTime(all.out, time.Now())
	if err != nil && (f.asked() || all.flight.asked()) {
		return fmt.Errorf("-o %s: %w", all.out, err)
	}
	return nil
}

// runs reports whether there is such a program.
func runs(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

// rotation makes the files of a recording's parts and keeps the latest.
type rotation struct {
	flags    rotationFlags
	name     string // of the parts: FILE, in which % stands for times
	like     string // the same without folders, as every recorder of that name has it
	each     string // what one is called: part, file
	force    bool
	signing  *signFlags
	stderr   io.Writer
	chownErr error
	last     string // the latest name that a time made
	hooks    sync.WaitGroup

	mu       sync.Mutex
	earlier  []string // files of earlier recorders that count among those that are kept, oldest first
	kept     []string // finished parts, oldest first
	finishes int
	removed  int
}

func newRotation(f *recordFlags, stem string, now time.Time) *rotation {
	r := &rotation{flags: f.rotation, each: "part", name: f.out, force: f.force, signing: &f.signing, stderr: os.Stderr}
	r.like = filepath.Base(r.name)
	if r.name == "" { // the parts of one recording have the time at which it began
		r.name, r.like = stem+now.Format(nameTime)+".parquet", stem+"-%Y%m%d-%H%M%S.parquet"
	}
	return r
}

// next makes the spool of a part.
func (r *rotation) next(number int, now time.Time) (capture.Output, error) {
	name, err := formatTime(r.name, now)
	if err != nil {
		return capture.Output{}, err
	}
	ext := filepath.Ext(name)
	stem := strings.TrimSuffix(name, ext)
	numbered := fmt.Sprintf("%s-%05d", stem, number)
	timed := name != strings.ReplaceAll(r.name, "%%", "%")
	if !timed || name == r.last { // no time tells the parts apart
		name = numbered + ext
	} else {
		r.last = name
	}
	// A recorder that is started again goes on beside what it left, if it was to make
	// files at times or to keep the latest. Else the user is asked, before anything
	// is recorded.
	asks := number == 1 && !timed && r.flags.count == 0 && r.like == filepath.Base(r.name)
	for n := 2; ; n++ {
		out, err := r.create(name)
		if !isTaken(err) || asks || number == 1 && errors.Is(err, format.ErrRecording) || n > 10_000 {
			return out, err
		}
		name = fmt.Sprintf("%s-%d%s", numbered, n, ext) // what another recording left
	}
}

// try finds out whether the first file can be made.
func (r *rotation) try() error {
	another := &rotation{flags: r.flags, name: r.name, like: r.like, force: r.force, signing: r.signing}
	out, err := another.next(1, time.Now())
	if err != nil {
		return err
	}
	out.File.Close()
	r.chownErr = another.chownErr
	return os.Remove(out.Spool)
}

func (r *rotation) create(name string) (capture.Output, error) {
	f, err := createSpool(name, r.force, r.signing)
	if err != nil {
		return capture.Output{}, err
	}
	r.chownErr = giveToInvoker(f)
	return capture.Output{Path: name, Spool: format.SpoolName(name), File: f}, nil
}

// oldest returns the number of the oldest part that is kept once the part at
// hand has been finished.
func (r *rotation) oldest() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.flags.count == 0 {
		return 1
	}
	return max(r.finishes+2-r.flags.count, 1)
}

// finished is told of each part that is whole.
func (r *rotation) finished(part *capture.Sealed) {
	r.mu.Lock()
	r.finishes++
	r.kept = append(r.kept, part.Path)
	old := r.excess()
	r.mu.Unlock()
	r.remove(old)
	if r.flags.hook != "" {
		r.hooks.Go(func() { r.runHook(part.Path) })
	}
}

// runHook runs the command for a part, which nobody waits for but the end.
func (r *rotation) runHook(path string) {
	c := exec.Command(r.flags.hook, path)
	c.Stdout, c.Stderr = r.stderr, r.stderr
	if err := startGently(c); err != nil {
		r.warn(fmt.Errorf("-z: %w", err))
		return
	}
	if err := c.Wait(); err != nil {
		r.warn(fmt.Errorf("-z: %s %s: %w", r.flags.hook, path, err))
	}
}

func (r *rotation) warn(err error) { warner(r.stderr)(err) }

// wait returns when all commands of -z have ended.
func (r *rotation) wait() { r.hooks.Wait() }

// any reports whether a part is finished.
func (r *rotation) any() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.kept) > 0
}

// told says for the summary what was made.
func (r *rotation) told() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch n := len(r.kept); {
	case n == 0:
		return "no " + r.each
	case n == 1:
		return r.kept[0]
	default:
		s := fmt.Sprintf("%d %ss, %s to %s", n, r.each, r.kept[0], filepath.Base(r.kept[n-1]))
		if r.removed > 0 {
			s += fmt.Sprintf(" (%d older ones were removed)", r.removed)
		}
		return escape.Text(s)
	}
}

// formatTime replaces what stands for a time in a file's name, as strftime(3)
// does.
func formatTime(name string, t time.Time) (string, error) {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] != '%' {
			b.WriteByte(name[i])
			continue
		}
		if i++; i == len(name) {
			return "", errors.New("a single % at the end; %% stands for one")
		}
		form, ok := timeInName[name[i]]
		switch {
		case ok:
			b.WriteString(t.Format(form.layout))
		case name[i] == 's':
			fmt.Fprint(&b, t.Unix())
		case name[i] == '%':
			b.WriteByte('%')
		default:
			return "", fmt.Errorf("%%%c is not known: there are %%Y %%m %%d %%H %%M %%S %%j %%s %%y %%F %%z %%%%", name[i])
		}
	}
	return b.String(), nil
}
