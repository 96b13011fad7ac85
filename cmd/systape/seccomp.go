package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"systape/cmd/systape/internal/out"
	"systape/cmd/systape/internal/views"
	"systape/format"
	"systape/format/abi"
	"systape/replay"
	"systape/replay/seccomp"
)

const seccompHelp = `Makes a seccomp profile that allows what the captures' calls were, and nothing
else: the JSON that Docker, Podman, containerd and OCI runtimes read, or the
settings of a systemd service. What the container runtime itself calls under the
filter is added and said. Standard error tells what the profile rests on: how
many programs were seen, and how likely it is that one more makes a call that
was not seen (Good and Turing's estimate, with its interval of 95%).

  profile   the profile (the default)
  systemd   SystemCallFilter= and what belongs to it
  table     the evidence: each call, how often, how many programs (a process until
            it executes another) made it, first when and by whom, and the
            arguments that were the same in every call
  json      the same for machines, with the profile

Each FILE is a capture of its own, but for the parts of one recording; give as many
as there are, of all machines. Filters choose whose calls count: --container,
--comm, --pid, --from …

With --check, nothing is made: it tells which of the recorded calls a profile
would refuse, by number of calls and with the first one; exit code 3 if there are
any. PROFILE is a profile, Docker's own with archMap, includes and excludes too,
or the config.json of a container. Docker's rules depend on the capabilities of
the container: those it gives by default are assumed, unless --cap says others.

What io_uring carries out is no system call: no profile and no capture sees it.
What the recorder's child called until it became the recorded command, its execve
above all, is left out: it is the recorder's. Whoever starts the program
under the profile needs that execve all the same, which a container's runtime and
systemd know. What threads called runc, runc:[2:INIT] or crun call until they
execute the container's program, mount and pivot_root and the like, is left out for
the same reason, unless --runtime none, --format systemd or --comm asks for it.

`

type seccompFlags struct {
	check, format, output string
	runtime, action       string
	caps                  []string
	force                 bool
}

var seccompForms = []string{"profile", "systemd", "table", "json"}

// seccompActions are what can become of calls that are not in a profile.
var seccompActions = map[string]string{"errno": "SCMP_ACT_ERRNO", "kill": "SCMP_ACT_KILL_PROCESS", "log": "SCMP_ACT_LOG"}

func newSeccompCommand() *cobra.Command {
	var f seccompFlags
	c := &cobra.Command{
		Use:   "seccomp FILE... [--check PROFILE]",
		Short: "Make a seccomp profile of what was called, or check one",
		Long:  seccompHelp + fileHelp + "\n\n" + filterHelp,
		Example: `  systape seccomp trace.parquet --container 0a1b2c3d4e5f -o web.json
  docker run --security-opt seccomp=web.json web
  systape seccomp monday.parquet tuesday.parquet --comm nginx --format table
  systape seccomp trace.parquet --format systemd > /etc/systemd/system/web.service.d/seccomp.conf
  systape seccomp trace.parquet --check web.json`,
		RunE: func(c *cobra.Command, args []string) error { return runSeccomp(c, &f, args) },
	}
	fl := c.Flags()
	fl.StringVar(&f.check, "check", "", "tell which calls this `profile` would refuse")
	fl.StringVar(&f.format, "format", "", "`form` of the result: "+strings.Join(seccompForms, " ")+"; with --check table or json")
	fl.StringVarP(&f.output, "output", "o", "", "write to this `file`")
	fl.StringVar(&f.runtime, "runtime", "runc", "add what this `runtime` itself calls: runc or none")
	fl.StringVar(&f.action, "action", "errno", "what becomes of other calls: errno (EPERM), kill or log")
	fl.StringSliceVar(&f.caps, "cap", nil, "--check: the `capabilities` of the container, all or none (default those of Docker)")
	fl.BoolVar(&f.force, "force", false, "replace the file of -o if it exists")
	addFilterFlags(c)
	return c
}

func (f *seccompFlags) valid() error {
	forms := seccompForms
	if f.check != "" {
		forms = []string{"table", "json"}
	}
	if f.format == "" {
		f.format = forms[0]
	}
	_, action := seccompActions[f.action]
	_, runtime := seccomp.RuntimeOf(f.runtime)
	switch {
	case !slices.Contains(forms, f.format):
		return fmt.Errorf("--format: unknown form %q, want one of %s", f.format, strings.Join(forms, " "))
	case !action:
		return fmt.Errorf("--action: %q, want errno, kill or log", f.action)
	case !runtime:
		return fmt.Errorf("--runtime: %q, want runc or none", f.runtime)
	case len(f.caps) > 0 && f.check == "":
		return errors.New("--cap is for --check")
	}
	return nil
}

// capabilities are those that --cap asks for.
func (f *seccompFlags) capabilities() ([]string, error) {
	if len(f.caps) == 0 {
		return seccomp.DockerCaps, nil
	}
	var caps []string
	for _, c := range f.caps {
		c = strings.ToUpper(c)
		switch {
		case c == "NONE":
			continue
		case c == "ALL":
			return seccomp.AllCaps, nil
		case !strings.HasPrefix(c, "CAP_"):
			c = "CAP_" + c
		}
		if !slices.Contains(seccomp.AllCaps, c) {
			return nil, fmt.Errorf("--cap: unknown capability %q, want one such as SYS_ADMIN, all or none", c)
		}
		caps = append(caps, c)
	}
	return caps, nil
}

func runSeccomp(c *cobra.Command, f *seccompFlags, args []string) error {
	if err := f.valid(); err != nil {
		return usageError(c, err)
	}
	if len(args) == 0 {
		return usageError(c, errors.New("no capture given"))
	}
	if f.check != "" {
		return runSeccompCheck(c, f, args)
	}
	seen, captures := seccomp.NewObserver(), 0
	var left startersLeft
	host, in, err := seccompEach(c, args, f.leavesRuntimeOut(c), func(in *input, source string, _ seccomp.Host) func([]replay.Call) error {
		return func(calls []replay.Call) error { seen.Add(source, calls, in.names); return nil }
	}, func(one startersLeft) {
		captures++
		left.launcher = left.launcher || one.launcher
		left.runtime += one.runtime
		seen.EndCapture()
	})
	if err != nil {
		return err
	}
	runtime, _ := seccomp.RuntimeOf(f.runtime)
	v := &views.Seccomp{Calls: seen.Calls(), Saturation: seen.Saturation(), Runtime: runtime, Several: captures > 1, Launched: left.launcher, Started: left.runtime}
	v.Capture, v.Form = in, f.format
	if v.Saturation.Calls == 0 {
		return noCalls("a profile of them would allow nothing")
	}
	opt := seccomp.BuildOptions{Native: host.Native, Action: seccompActions[f.action], Runtime: runtime}
	if f.format == "systemd" {
		opt.Runtime, v.Runtime = seccomp.Runtime{}, seccomp.Runtime{} // systemd needs nothing that it does not let pass itself
	}
	v.Built = seccomp.Build(v.Calls, opt)
	file, err := createResult(c.OutOrStdout(), f.output, args, f.force)
	if err != nil {
		return err
	}
	v.Out, v.Style = file, file.Style()
	switch f.format {
	case "profile":
		err = v.Profile()
	case "systemd":
		_, err = file.WriteString(v.Built.Systemd())
	default:
		err = v.Write()
	}
	if err := file.close(err); err != nil {
		return err
	}
	if f.format == "profile" || f.format == "systemd" {
		for _, line := range v.Words() {
			out.Wrap(c.ErrOrStderr(), line, "", 100)
		}
	}
	return nil
}

func runSeccompCheck(c *cobra.Command, f *seccompFlags, args []string) error {
	caps, err := f.capabilities()
	if err != nil {
		return usageError(c, err)
	}
	text, err := readSmall(f.check)
	if err != nil {
		return inputError(err)
	}
	profile, err := seccomp.Parse(text)
	if err != nil {
		return fmt.Errorf("%s: %w", f.check, err)
	}
	var check *seccomp.Check
	var left startersLeft
	_, in, err := seccompEach(c, args, f.leavesRuntimeOut(c), func(in *input, source string, host seccomp.Host) func([]replay.Call) error {
		if host.Caps = caps; check == nil {
			check = seccomp.NewCheck(profile.For(host))
		}
		return func(calls []replay.Call) error { check.Add(source, calls, in.names); return nil }
	}, func(one startersLeft) { left.runtime += one.runtime })
	if err != nil {
		return err
	}
	if check.Calls == 0 {
		return noCalls("a check of them would tell nothing")
	}
	file, err := createResult(c.OutOrStdout(), f.output, append([]string{f.check}, args...), f.force)
	if err != nil {
		return err
	}
	v := &views.SeccompCheck{Name: filepath.Base(f.check), Check: check, Refusals: check.Refusals(), Started: left.runtime}
	v.Capture, v.Form, v.Out, v.Style = in, f.format, file, file.Style()
	if err := file.close(v.Write()); err != nil {
		return err
	}
	if len(v.Refusals) > 0 {
		return &exitError{code: exitDamaged, err: errors.New("the profile would refuse calls that were made")}
	}
	return nil
}

func noCalls(so string) error {
	return &exitError{code: exitFailed, err: errors.New("no calls: " + so), hint: "'systape info' tells what is in a capture; filters may leave nothing"}
}

// startersLeft tells what was left out because who called it had not become a
// program to make a profile of yet.
type startersLeft struct {
	launcher bool  // calls of the recorder's child
	runtime  int64 // calls of a container's runtime
}

// leavesRuntimeOut reports whether what a runtime calls to make a container is none
// of what is asked for.
func (f *seccompFlags) leavesRuntimeOut(c *cobra.Command) bool {
	return f.runtime != "none" && f.format != "systemd" && !c.Flags().Changed("comm")
}

// seccompEach goes over the captures one after the other, each with the
// function that begin returns for it, and then calls end, which is told what was
// left out. All must be of machines of one kind, because a profile is.
func seccompEach(c *cobra.Command, args []string, noRuntime bool, begin func(*input, string, seccomp.Host) func([]replay.Call) error, end func(startersLeft)) (host seccomp.Host, last *input, err error) {
	for i, files := range capturesOf(c, args) {
		arg := files[0]
		in, err := openInput(c, files, seccomp.Columns)
		if err != nil {
			return host, nil, err
		}
		defer in.Close() // also below, before the next is opened: there may be many
		native, ok := sequencesNative(in.Meta())
		if !ok {
			native = abi.X86_64
		}
		if i == 0 {
			host = seccomp.Host{Native: native, Kernel: in.Meta().Host.Kernel}
		} else if native != host.Native {
			return host, nil, fmt.Errorf("%s was recorded on %s, the captures before it on %s: a profile is of one", arg, native, host.Native)
		}
		add := begin(in, filepath.Base(arg), host)
		left, err := withoutStarters(in, noRuntime, add)
		if err != nil {
			return host, nil, err
		}
		end(left)
		seccompWarn(in, arg)
		if err := in.Close(); err != nil {
			return host, nil, err
		}
		last = in
	}
	return host, last, nil
}

// withoutStarters gives add the calls that the filter chooses but those of the
// recorder's child up to the execve that became the recorded command, and those of
// a container's runtime: they are of no program to make a profile of.
func withoutStarters(in *input, noRuntime bool, add func([]replay.Call) error) (left startersLeft, err error) {
	launch := replay.NewLaunch(in.Meta())
	starts := map[format.Symbol]bool{}
	err = in.pairs(func(b *format.Batch, calls []replay.Call) error {
		launch.Events(b)
		return add(slices.DeleteFunc(in.Choose(calls), func(c replay.Call) bool {
			if made, _ := launch.Made(&c); made {
				left.launcher = true
				return true
			}
			if !noRuntime || c.Status == replay.ChildReturn {
				return false
			}
			is, known := starts[c.Comm]
			if !known {
				is = seccomp.Starts(in.names.String(c.Comm))
				starts[c.Comm] = is
			}
			if is {
				left.runtime++
			}
			return is
		}))
	})
	return left, err
}

// seccompWarn tells why a capture may lack calls that were made.
func seccompWarn(in *input, arg string) {
	r, cov := in.Meta().Request, in.Coverage()
	var why []string
	if r.Syscalls != "" {
		why = append(why, "it was recorded with -e "+r.Syscalls)
	}
	if r.Sample > 1 {
		why = append(why, fmt.Sprintf("it holds one call in %d", r.Sample))
	}
	if cov.LostEvents > 0 {
		why = append(why, fmt.Sprintf("%d events were lost", cov.LostEvents))
	}
	if len(why) > 0 {
		in.warn(fmt.Errorf("%s does not hold all calls: %s", arg, strings.Join(why, ", ")))
	}
}
