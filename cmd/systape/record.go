package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"systape/capture"
	"systape/format"
	"systape/format/abi"
)

// recordFailed is the exit code of record's own failures when it runs a
// command, whose codes it passes on (as env(1) and timeout(1) do).
const recordFailed = 125

type recordFlags struct {
	out        string
	force      bool
	pids       []int32
	follow     bool
	all        bool
	expression string
	duration   time.Duration
	comms      []string
	users      []string
	cgroups    []string
	containers []string
	buffer     string
	quiet      bool
	noBTF      bool
	keepSpool  bool
}

func newRecordCommand() *cobra.Command {
	var f recordFlags
	c := &cobra.Command{
		Use:   "record [flags] [--] command args…",
		Short: "Record system calls into a capture (root, Linux)",
		Long: `Record every system call of a command, of running processes or of the whole
system: its enter and its exit with their times, arguments and results.

The capture is a Parquet file. While recording goes on, the events are on a
spool beside it (FILE.spool), which survives whatever happens to the recorder;
'systape recover' makes a capture of a spool that was left behind.

The command's output and exit code are its own. Recording ends with the command,
with the processes given by -p, after -d, or when the recorder is told to end.

With a command, every Ctrl-C and Ctrl-\ is the command's, and Ctrl-Z stops both.
INT, QUIT, TERM or HUP sent to the recorder go to the command and end the
recording: at once if the command ignores them, or else with the command, which
has 5 seconds. A command that runs on after its recording is named. Without a
command, Ctrl-C, Ctrl-\ and these signals end the recording.`,
		Example: `  systape record -o git.parquet -- git status
  systape record -p 1234 -f -d 10s
  systape record -a -d 5s -e '!futex,clock_nanosleep' -o all.parquet
  systape record -a -e %file,%network --container 3f2a -o web.parquet
  systape record -o - -- make | ssh laptop systape latency -`,
		RunE: func(c *cobra.Command, args []string) error {
			err := runRecord(c.Context(), f, args, c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr())
			var e *exitError
			if err != nil && !errors.As(err, &e) {
				err = &exitError{code: f.failure(args), err: err}
			}
			return err
		},
	}
	flags := c.Flags()
	flags.SetInterspersed(false)
	flags.StringVarP(&f.out, "output", "o", "", "capture `file`; - writes a spool to standard output (default: NAME-DATE-TIME.parquet here)")
	flags.BoolVar(&f.force, "force", false, "replace the file if it exists")
	flags.Int32SliceVarP(&f.pids, "pid", "p", nil, "record these running `processes`")
	flags.BoolVarP(&f.follow, "follow", "f", false, "with -p: processes that they start, too")
	flags.BoolVarP(&f.all, "all", "a", false, "record the whole system, the recorder apart")
	flags.StringVarP(&f.expression, "trace", "e", "", "record only these `calls`, in strace's language: openat,read or %file or !futex")
	addDuration(flags, &f.duration, "duration", "d", 0, "stop after this `time`: 10s, 1m, or a number of seconds")
	flags.StringSliceVar(&f.comms, "comm", nil, "only threads of these `names`")
	flags.StringSliceVar(&f.users, "uid", nil, "only threads of these `users`, by number or name")
	flags.StringSliceVar(&f.cgroups, "cgroup", nil, "only these `cgroups` and what is below, as in /proc/PID/cgroup")
	flags.StringSliceVar(&f.containers, "container", nil, "only these `containers`, by the beginning of their id")
	flags.StringVar(&f.buffer, "buffer", "", "kernel buffer of each CPU, a power of two such as 4MiB (default: 64MiB, less on many CPUs)")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "no status line and no summary")
	flags.BoolVar(&f.noBTF, "no-btf", false, "hook as on a kernel without BTF")
	flags.BoolVar(&f.keepSpool, "spool", false, "stop at the spool: do not make the Parquet file (see 'systape recover')")
	return c
}

// failure is the exit code of record's own failures: without a command the
// codes of every other command of systape hold.
func (f *recordFlags) failure(args []string) int {
	if len(args) > 0 {
		return recordFailed
	}
	return exitFailed
}

// misuse is the exit code of a command line that makes no sense.
func (f *recordFlags) misuse(args []string) int {
	if len(args) > 0 {
		return recordFailed
	}
	return exitUsage
}

func (f *recordFlags) options(args []string) (capture.Options, error) {
	o := capture.Options{
		Command: args, PIDs: f.pids, Follow: f.follow, All: f.all, Duration: f.duration,
		Comms: f.comms, Cgroups: f.cgroups, Containers: f.containers, NoBTF: f.noBTF, Tool: "systape " + version,
	}
	if f.expression != "" {
		set, err := abi.ParseSet(f.expression)
		if err != nil {
			return o, fmt.Errorf("-e %s: %w", f.expression, err)
		}
		o.Syscalls = set
	}
	if f.buffer != "" {
		n, err := humanize.ParseBytes(f.buffer)
		if err != nil {
			return o, fmt.Errorf("--buffer %s: want a size such as 4MiB", f.buffer)
		}
		o.Buffer = int64(n)
	}
	for _, name := range f.users {
		uid, err := strconv.ParseUint(name, 10, 32)
		if err != nil {
			u, lookup := user.Lookup(name)
			if lookup != nil {
				return o, fmt.Errorf("--uid %s: %w", name, lookup)
			}
			uid, _ = strconv.ParseUint(u.Uid, 10, 32)
		}
		o.UIDs = append(o.UIDs, uint32(uid))
	}
	return o, nil
}

func runRecord(ctx context.Context, f recordFlags, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	options, err := f.options(args)
	if err != nil {
		return &exitError{code: f.misuse(args), err: err, hint: "see 'systape record --help'"}
	}
	out, err := openRecordOutput(&f, args)
	if err != nil {
		return err
	}
	ctx, end := context.WithCancel(ctx)
	defer end()
	relay := relaySignals(len(args) > 0, end)
	defer relay.stop()
	files := capture.Files{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Ignored: relay.inherited}
	if out.chownErr != nil && !f.quiet {
		fmt.Fprintf(stderr, "systape: warning: the capture stays root's, not that of the user who called sudo: %v\n", out.chownErr)
	}
	if out.stream {
		files.Out = os.Stderr // standard output is the capture's
	}
	recording, err := capture.Start(options, files, out.file)
	if err != nil {
		out.discard()
		return recordSetupError(err, args)
	}
	relay.begin(recording)
	sealing := out.seal(recording)
	status := startStatus(recording, stderr, f.quiet)
	meta, err := recording.Run(ctx)
	status.stop()
	if sealing != nil {
		sealing.Stop()
	}
	if err != nil {
		if sealing != nil {
			sealing.Abort()
		}
		broken := recordBroken(err, out, args)
		if len(args) == 0 {
			return broken
		}
		// The command is not ours to end, and the user does not have to wait
		// for its end to hear of this.
		report(broken, stderr)
		select {
		case <-recording.Done():
		case <-ctx.Done():
			recordSurvivor(stderr, recording.PID(), args)
		}
		return &exitError{code: recordFailed}
	}
	if err := out.finish(sealing, stderr, f.quiet); err != nil {
		return &exitError{code: f.failure(args), err: err, hint: out.hint()}
	}
	if !f.quiet {
		recordSummary(stderr, meta, recording.Status(), out)
	}
	if len(args) > 0 {
		select {
		case <-recording.Done():
			if code := recording.ExitCode(); code != 0 {
				return &exitError{code: code}
			}
		default: // the recording was told to end before
			if !f.quiet {
				recordSurvivor(stderr, recording.PID(), args)
			}
		}
	}
	return nil
}

func recordSetupError(err error, args []string) error {
	var setup *capture.SetupError
	if !errors.As(err, &setup) {
		return err
	}
	e := &exitError{code: exitFailed, err: setup.Err, hint: setup.Hint}
	switch {
	case setup.ExitCode != 0:
		e.code = setup.ExitCode
	case len(args) > 0:
		e.code = recordFailed
	case setup.NoPermission:
		e.code = exitPermission
	case setup.Usage:
		e.code = exitUsage
	}
	if setup.Usage && e.hint == "" {
		e.hint = "see 'systape record --help'"
	}
	return e
}

// recordBroken reports a recording that ended before its time, above all on a
// full disk.
func recordBroken(err error, out *recordOutput, args []string) error {
	e := &exitError{code: exitFailed, err: fmt.Errorf("recording stopped: %w", err)}
	if len(args) > 0 {
		e.code = recordFailed
	}
	if !out.stream {
		e.hint = fmt.Sprintf("what was written before is safe in %s", out.spoolPath)
		if errors.Is(err, syscall.ENOSPC) {
			e.hint += ";\n      free some space, then: systape recover " + out.spoolPath
		} else {
			e.hint += "; then: systape recover " + out.spoolPath
		}
	}
	return e
}

// recordOutput is where a recording goes: the spool while it lasts, then the
// capture file.
type recordOutput struct {
	path      string // of the capture
	spoolPath string
	file      *os.File // the spool
	stream    bool     // the spool is standard output, and that is all
	keepSpool bool
	force     bool
	bytes     int64 // of the finished capture
	chownErr  error // why the files stay ours and not the user's who called sudo
}

func openRecordOutput(f *recordFlags, args []string) (*recordOutput, error) {
	o := &recordOutput{path: f.out, keepSpool: f.keepSpool, force: f.force}
	if f.out == "-" {
		if term.IsTerminal(int(os.Stdout.Fd())) {
			return nil, &exitError{code: f.misuse(args), err: errors.New("a capture on the terminal would be unreadable"), hint: "send standard output to a file or a pipe"}
		}
		o.stream, o.file = true, os.Stdout
		return o, nil
	}
	if o.path == "" {
		o.path = recordName(f, args, time.Now())
	}
	o.spoolPath = o.path + ".spool"
	for _, path := range []string{o.path, o.spoolPath} {
		info, err := os.Lstat(path)
		if err != nil {
			continue
		}
		if kind := info.Mode().Type(); kind != 0 && kind != fs.ModeSymlink {
			return nil, &exitError{code: f.failure(args), err: fmt.Errorf("%s is not a regular file", path), hint: "name a new file with -o, or - for standard output"}
		}
		if !f.force {
			hint := "choose another name with -o, or --force to replace it"
			if path == o.spoolPath {
				hint = "it is of a recording that runs or was cut off: systape recover " + path + ", or --force to replace it"
			}
			return nil, &exitError{code: f.failure(args), err: fmt.Errorf("%s exists", path), hint: hint}
		}
	}
	file, err := os.OpenFile(o.spoolPath, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, &exitError{code: f.failure(args), err: fmt.Errorf("create the spool: %w", err), hint: "name a file in a folder that can be written to with -o"}
	}
	o.file = file
	o.chownErr = giveToInvoker(file)
	return o, nil
}

// recordName makes a file name of what is recorded and when.
func recordName(f *recordFlags, args []string, now time.Time) string {
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
	return name + "-" + now.Format("20060102-150405") + ".parquet"
}

// sealOptions are how this recording's capture is written.
func (o *recordOutput) sealOptions() format.SealOptions {
	return format.SealOptions{FileOptions: format.FileOptions{Force: o.force, Created: func(f *os.File) error {
		giveToInvoker(f) // what hinders it has been said of the spool
		return nil
	}}}
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

// discard removes what a recording left that did not begin.
func (o *recordOutput) discard() {
	if !o.stream {
		o.file.Close()
		os.Remove(o.spoolPath)
	}
}

func (o *recordOutput) hint() string {
	if o.stream {
		return ""
	}
	return "the events are safe in " + o.spoolPath + "; then: systape recover " + o.spoolPath
}

// seal begins to make the capture file; nil where the spool is what is wanted.
func (o *recordOutput) seal(r *capture.Recording) *capture.Sealing {
	if o.stream || o.keepSpool {
		return nil
	}
	return r.Seal(o.spoolPath, o.path, o.sealOptions())
}

// finish makes the capture file of the spool, which is mostly done already.
func (o *recordOutput) finish(sealing *capture.Sealing, stderr io.Writer, quiet bool) error {
	if o.stream {
		return nil
	}
	if err := o.file.Close(); err != nil {
		return err
	}
	if sealing == nil {
		return nil
	}
	result, err := finishSealing(sealing, stderr, quiet)
	if err != nil {
		return err
	}
	o.bytes = result.Bytes
	return nil
}
