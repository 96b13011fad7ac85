package main

import (
	"errors"
	"fmt"
	"os/user"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"

	"systape/capture"
	"systape/format/abi"
	"systape/replay/redact"
)

// commandLine is what the metadata tells of a command line, and what it leaves
// out.
func (f *recordFlags) commandLine(args []string) (told []string, hidden string) {
	switch masked, n := redact.MaskCommand(args); {
	case len(args) == 0:
		return nil, ""
	case f.noCommandLine:
		return nil, "command"
	case f.fullCommandLine || n == 0:
		return args, ""
	default:
		return masked, "secrets"
	}
}

func (f *recordFlags) options(args []string) (capture.Options, error) {
	o := capture.Options{
		Command: args, PIDs: f.pids, Follow: f.follow, All: f.all, Duration: f.duration,
		Failed: f.failed, LeastTime: f.least, Sample: f.sample,
		Comms: f.comms, Cgroups: f.cgroups, Containers: f.containers, NoBTF: f.noBTF, DropRights: ownProcess, Tool: "systape " + version,
	}
	o.CommandLine, o.CommandHidden = f.commandLine(args)
	if f.expression != "" {
		set, err := abi.ParseSet(f.expression)
		if err != nil {
			return o, fmt.Errorf("-e %s: %w", f.expression, err)
		}
		o.Syscalls = set
	}
	switch f.paths {
	case "":
	case "all":
		o.Paths = capture.AllPaths
	case "failed":
		o.Paths = capture.FailedPaths
	default:
		return o, fmt.Errorf("--paths=%s: it is all or failed", f.paths)
	}
	if f.noCommandLine && f.fullCommandLine {
		return o, errors.New("--no-command-line and --full-command-line exclude each other")
	}
	if o.Paths == capture.NoPaths && f.pathMax != capture.DefaultPathMax {
		return o, errors.New("--path-max says how much of a path --paths reads, and that is not given")
	}
	if o.PathMax = f.pathMax; f.pathMax <= 0 {
		return o, fmt.Errorf("--path-max %d: nothing of a path", f.pathMax)
	}
	if err := f.bounds(&o); err != nil {
		return o, err
	}
	var err error
	if o.User, err = recordUser(f.runAs); err != nil {
		return o, err
	}
	o.WaitAll = f.waitAll
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

// bounds reads what recording may take.
func (f *recordFlags) bounds(o *capture.Options) error {
	if f.sample < 0 {
		return fmt.Errorf("--sample %d: want one call in N", f.sample)
	}
	if f.maxRate != "" {
		n, unit, err := humanize.ParseSI(f.maxRate)
		if err != nil || unit != "" || n < 1 {
			return fmt.Errorf("--max-rate %s: want calls a second, such as 20000 or 20k", f.maxRate)
		}
		o.MaxRate = int64(n)
	}
	if f.budget != "" {
		percent, isPercent := strings.CutSuffix(f.budget, "%")
		n, err := strconv.ParseFloat(percent, 64)
		if isPercent {
			n /= 100
		}
		if err != nil || n <= 0 || n > 1 {
			return fmt.Errorf("--budget %s: want a share of the machine, such as 2%%", f.budget)
		}
		o.Budget = n
	}
	if f.maxMemory != "" {
		n, err := humanize.ParseBytes(f.maxMemory)
		if err != nil || n < 16<<20 {
			return fmt.Errorf("--max-memory %s: want a size such as 64MiB, 16 MiB at least", f.maxMemory)
		}
		o.MaxMemory = int64(n)
	}
	return nil
}
