package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"systape/capture"
	"systape/replay/escape"
)

// recordFailed is the exit code of record's own failures when it runs a
// command, whose codes it passes on (as env(1) and timeout(1) do).
const recordFailed = 125

type recordFlags struct {
	noCommandLine, fullCommandLine bool

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
	paths      string
	pathMax    int
	failed     bool
	least      time.Duration
	sample     int
	maxRate    string
	budget     string
	maxMemory  string
	buffer     string
	quiet      bool
	noBTF      bool
	keepSpool  bool
	runAs      string
	waitAll    bool
	metrics    string
	rotation   rotationFlags
	signing    signFlags
	flight     flightFlags
}

func newRecordCommand() *cobra.Command {
	var f recordFlags
	c := &cobra.Command{
		Use:   "record [flags] [--] command args…",
		Short: "Record system calls into a capture (root, Linux)",
		Long: `Record every system call of a command, of running processes or of the whole
system: its enter and its exit with their times, arguments and results.

With --paths, the file names and socket addresses that arguments point to are
read, too, and what descriptors stand for is known afterwards: see 'systape replay
-y' and 'systape latency --by path'. Data that calls read or write never is.

Filters choose whole calls: what they say at a call's enter holds for its exit.
With --failed and --min-duration the exit decides, and both halves are written
then: in the order of events ('replay --events', 'dump') such an enter stands right
before its exit, whose first argument tells when it was; durations and starts of
calls are right everywhere. --sample, --max-rate, --budget and --max-memory leave
calls out by lot, each by itself. In all these cases exact numbers of all calls are
kept beside the calls: how many returned, how many failed, how long they took
together. They are by process and system call: what is grouped otherwise is of the
calls that are there, and says so. Seeing every call and living take something
that no lot lessens, so of a --budget that is too small for that a tenth still goes
to calls, and a --max-memory below what the recorder itself needs (some 100 MiB)
leaves 1,000 calls a second.

The capture is a Parquet file. While recording goes on, the events are on a
spool beside it (FILE.spool), which survives whatever happens to the recorder;
'systape recover' makes a capture of a spool that was left behind.

The command's output is its own, and so is the exit code: the command's, or 128
and the signal that ended it; 126 and 127 say that it could not be run. 125 says
that recording failed, even if the command did not: also when recording stops
early, on a full disk or for a pipe that nobody reads. The command then goes on
to its end, and its own exit code is told. Recording ends with the command, with
the processes given by -p, after -d, or when the recorder is told to end.

The capture tells the command line. What looks like a secret in it is masked
(--token=***, URLs with passwords, tokens of known forms); --no-command-line
leaves it out, 'systape info --privacy' tells what else is in a capture.

With -o -, or /dev/stdout, the capture goes to standard output as a spool, for a
pipe to another systape, and what the command writes there goes to standard
error; with -o /dev/fd/3 the command keeps both.

With -C, -G or -W the capture is cut into parts, FILE-00001.parquet and so on, each
of which can be read alone, and all of them, or their folder, as one. %Y %m %d %H %M
%S %j %s %y %F %z in FILE become the time at which the part begins. With these, HUP
begins another part. -W counts what an earlier recorder of the same FILE left that
was told to keep the latest as well, so that it holds after a restart; it removes
nothing that does not say so of itself, and nothing that -z renamed. Where a file of
the name is there, as after a restart within the time that FILE tells, the new one
is called FILE-00001-2.parquet; without a time in FILE, and without -W, that is
refused. Spools that a killed recorder left are named at the start, or removed if
no event is in them.

With --flight the recorder is a flight recorder: it keeps the latest stretch in
memory, compressed as in a file, and writes it to FILE-00001.parquet and so on
when it is told to by USR1, when a --trigger fires, or, if there is none, at its
end. Each file is a capture of its own and has all of the stretch before, and of
--after, what it is about; 'systape info' tells what that was. -W bounds the
files (10). Memory takes what was asked for and, while a file is being written, up
to 64 MiB that wait for the disk. Only rows that are recorded fire triggers:
filters and sampling go first. If the recorder is killed, what was in memory is
gone, and no more than that. A trigger is one of these, where CALLS are a set in
the language of -e:
` + triggerHelp() + `
With --sign each finished file gets a signature beside it, FILE.minisig, which
'systape verify --key' checks, and minisign -V too. Each part's signature names
the one before, so that a part that is removed, replaced or changed is found. A
key with a password takes 1 GiB of memory for a second; minisign -G -W makes one
without. A spool that a killed recorder leaves is not signed, nor what is
recovered from it.

With a command, every Ctrl-C and Ctrl-\ is the command's, and Ctrl-Z stops both.
INT, QUIT, TERM or HUP sent to the recorder go to the command and end the
recording: at once if the command ignores them, or else with the command, which
has 5 seconds. A command that runs on after its recording is named, and so are
processes that it started; --wait-all records until the last of them has ended.
Under sudo the command runs as root, as under strace, unless -u names a user.
Without a command, Ctrl-C, Ctrl-\ and these signals end the recording.`,
		Example: `  systape record -o git.parquet -- git status
  systape record --paths -o git.parquet -- git status
  systape record -p 1234 -f -d 10s
  systape record -a -d 5s -e '!futex,clock_nanosleep' -o all.parquet
  systape record -a -G 1h -W 24 -o '/var/log/calls-%F-%H.parquet'
  systape record -a -e %file,%network --container web -o web.parquet
  systape record -a --failed --comm 'nginx*' -d 1m
  systape record -a --budget 2% -o day.parquet
  systape record -a --flight 60s,256MB --trigger 'fsync>200ms' -o /var/tmp/slow.parquet
  systape record --sign trace.key -o signed.parquet -- make
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
	flags.StringVarP(&f.out, "output", "o", "", "capture `file`; - or /dev/fd/N writes a spool there, see above (default: NAME-DATE-TIME.parquet here)")
	flags.BoolVar(&f.force, "force", false, "replace the file if it exists")
	flags.Int32SliceVarP(&f.pids, "pid", "p", nil, "record these running `processes`")
	flags.BoolVarP(&f.follow, "follow", "f", false, "with -p: their descendants, too, those to come and those that are there")
	flags.BoolVarP(&f.all, "all", "a", false, "record the whole system, the recorder apart")
	flags.StringVarP(&f.expression, "trace", "e", "", "record only these `calls`, in strace's language: openat,read or %file or !futex")
	addDuration(flags, &f.duration, "duration", "d", 0, "stop after this `time`: 10s, 1m, or a number of seconds")
	flags.Var((*nameList)(&f.comms), "comm", "only threads of these `names`, of which the kernel keeps 15 bytes; * stands for any letters")
	flags.StringSliceVar(&f.users, "uid", nil, "only threads of these `users`, by number or name")
	flags.StringSliceVar(&f.cgroups, "cgroup", nil, "only these `cgroups` and what is below, as in /proc/PID/cgroup")
	flags.StringSliceVar(&f.containers, "container", nil, "only these `containers`, by the beginning of their id, their name or their pod's")
	flags.BoolVar(&f.failed, "failed", false, "only calls that return an error")
	addDuration(flags, &f.least, "min-duration", "", 0, "only calls that last this `time` or longer")
	flags.IntVar(&f.sample, "sample", 0, "record one call in `N`, drawn by lot")
	flags.StringVar(&f.maxRate, "max-rate", "", "record at most so many calls a second (`N`, or 50k), fewer of them when there are more")
	flags.StringVar(&f.budget, "budget", "", "take at most this `share` of the time of all CPUs, such as 2%, and record fewer calls above it")
	flags.StringVar(&f.maxMemory, "max-memory", "", "take at most this `size` of memory, such as 64MiB, and record fewer calls above it")
	flags.StringVar(&f.paths, "paths", "", "read the file names and socket addresses that arguments point to: of `all` calls, or of failed ones only")
	flags.Lookup("paths").NoOptDefVal = "all"
	flags.IntVar(&f.pathMax, "path-max", capture.DefaultPathMax, "with --paths: so many `bytes` of a file name at most, up to 4096")
	flags.StringVar(&f.buffer, "buffer", "", "kernel buffer of each CPU, a power of two such as 4MiB (default: 64MiB, less on many CPUs)")
	flags.BoolVar(&f.noCommandLine, "no-command-line", false, "leave the command line out of the metadata")
	flags.BoolVar(&f.fullCommandLine, "full-command-line", false, "keep the command line as it is, with the secrets in it")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "no status line and no summary")
	flags.BoolVar(&f.noBTF, "no-btf", false, "hook as on a kernel without BTF")
	flags.StringVarP(&f.runAs, "user", "u", "", "run the command as this `user`, with the user's groups (default: as you are; with sudo as root, like strace)")
	flags.BoolVar(&f.waitAll, "wait-all", false, "record until the last process that came of the command has ended, too")
	flags.StringVar(&f.metrics, "metrics", "", "counters for Prometheus in a `file`, at unix:PATH, or at ADDRESS:PORT")
	f.rotation.add(flags)
	f.flight.add(flags)
	f.signing.add(flags)
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

func runRecord(ctx context.Context, f recordFlags, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	e := &exitError{hint: "see 'systape record --help'"}
	options, err := f.options(args)
	if err == nil {
		options.Comms, err = recordComms(f.comms, warner(stderr))
	}
	if err != nil {
		errors.As(err, &e)
		return &exitError{code: f.misuse(args), err: err, hint: e.hint}
	}
	if err := f.pathsWarning(); err != nil && !f.quiet {
		warner(stderr)(err)
	}
	notify := newNotifier()
	counters, err := openMetrics(f.metrics)
	if err != nil {
		errors.As(err, &e)
		e.code = f.misuse(args)
		return e
	}
	defer counters.stop()
	if err := errors.Join(f.flight.check(&f), f.rotation.check(&f), f.signing.check(&f)); err != nil {
		return &exitError{code: f.misuse(args), err: err, hint: "see 'systape record --help'"}
	}
	if err := f.signing.open(&f, stdin, stderr); err != nil {
		errors.As(err, &e)
		return &exitError{code: f.failure(args), err: err, hint: e.hint}
	}
	ctx, end := context.WithCancel(ctx)
	defer end()
	// Before there is a file that a signal would leave behind.
	relay := relaySignals(len(args) > 0, f.rotation.asked() && !f.flight.asked(), f.flight.asked(), end)
	defer relay.stop()
	out, err := openRecordOutput(&f, args)
	if err != nil {
		return err
	}
	out.stderr = stderr
	options.Rotation, options.Flight, options.Keep = out.rotation(stderr), out.flight(stderr), out.keeps()
	if out.chownErr != nil && !f.quiet {
		fmt.Fprintf(stderr, "systape: warning: the capture stays root's, not that of the user who called sudo: %v\n", out.chownErr)
	}
	left := out.leftovers()
	if spools := cutOff(left); len(spools) > 0 {
		warner(stderr)(fmt.Errorf("earlier recordings were cut off; to save them: %s", escape.Command(append([]string{"systape", "recover"}, spools...))))
	}
	debug.SetGCPercent(recordingGarbage(options))
	files := capture.Files{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Ignored: relay.inherited}
	if out.file == os.Stdout {
		files.Out = os.Stderr // standard output is the capture's
	}
	recording, err := capture.Start(options, files, out.file)
	if err != nil {
		out.discard()
		return recordSetupError(err, args)
	}
	relay.begin(recording)
	out.adopt(left)
	go debug.FreeOSMemory() // loading takes more than recording does
	counters.serve(recording, warner(stderr))
	if err := notify.tell("READY=1"); err != nil {
		warner(stderr)(err)
	}
	sealing := out.seal(recording)
	status := startStatus(recording, stderr, f.quiet)
	meta, err := recording.Run(ctx)
	status.stop()
	notify.tell("STOPPING=1")
	if sealing != nil {
		sealing.Stop()
		out.now(sealing.Unfinished())
	}
	if err != nil {
		if sealing != nil {
			sealing.Abort()
		}
		broken := out.broken(err, f.failure(args))
		if len(args) == 0 {
			return broken
		}
		// The command is not ours to end, and the user does not have to wait
		// for its end to hear of this.
		report(broken, stderr)
		select {
		case <-recording.Done():
			fmt.Fprintf(stderr, "systape: the command went on to its end: exit code %d\n", recording.ExitCode())
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
	if err := f.signing.failed; err != nil {
		return &exitError{code: f.failure(args), err: err, hint: "what was recorded is whole, and is not signed"}
	}
	if len(args) > 0 {
		select {
		case <-recording.Done():
			if !f.quiet {
				recordDescendants(stderr, recording.Survivors())
			}
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

// recordingGarbage is how much garbage may gather while recording, in percent of
// what is in use. Draining makes none and sealing little, so that collecting more
// often costs next to nothing, and 256 MiB are enough beside the kernel's buffers:
// with the runtime's 100 a load at full speed whose parts are sealed took 293 MB.
func recordingGarbage(o capture.Options) int {
	if o.MaxMemory > 0 {
		return 20
	}
	return 40
}
