package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"systape/format/abi"
	"systape/replay"
)

// addFilterFlags gives an offline command the filters that all of them have.
func addFilterFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringSlice("pid", nil, "only calls of these processes")
	f.StringSlice("tid", nil, "only calls of these threads")
	f.StringSlice("comm", nil, "only calls of threads with these names")
	f.StringSlice("container", nil, "only calls in these containers, by id or its beginning; host: in none")
	f.String("syscall", "", "only these calls, as strace -e")
	f.StringSlice("status", nil, "only calls with these statuses: "+strings.Join(statusWords(), " "))
	f.StringSlice("errno", nil, "only calls that failed with these errors, by name or number; any: with any")
	f.String("from", "", "only calls that began at this time or later")
	f.String("to", "", "only calls that began before this time")
	f.Duration("min-duration", 0, "only calls that took at least this long")
	f.SortFlags = false
}

func statusWords() []string {
	var words []string
	for s := range replay.NumStatuses {
		words = append(words, s.String())
	}
	return words
}

// parseFilter reads the filter's flags; the times come back as text, for an
// offset has a meaning only with the capture open.
func parseFilter(flags *pflag.FlagSet, f *replay.Filter) (from, to string, err error) {
	list := func(name string) []string {
		v, err := flags.GetStringSlice(name)
		if err != nil {
			return nil // the command has no such flag
		}
		return v
	}
	if f.PIDs, err = parseIDs("pid", list("pid")); err != nil {
		return "", "", err
	}
	if f.TIDs, err = parseIDs("tid", list("tid")); err != nil {
		return "", "", err
	}
	f.Comms, f.Containers = list("comm"), list("container")
	if expr, _ := flags.GetString("syscall"); expr != "" {
		if f.Syscalls, err = abi.ParseSet(expr); err != nil {
			return "", "", fmt.Errorf("--syscall: %w", err)
		}
	}
	for _, word := range list("status") {
		s, ok := replay.ParseStatus(word)
		if !ok {
			return "", "", fmt.Errorf("--status: unknown status %q, want one of %s", word, strings.Join(statusWords(), " "))
		}
		f.Statuses = append(f.Statuses, s)
	}
	for _, word := range list("errno") {
		if word == "any" {
			f.AnyErrno = true
			continue
		}
		n, ok := abi.ErrnoNumber(abi.X86_64, strings.ToUpper(word))
		if !ok {
			if n, err = strconv.Atoi(word); err != nil || n <= 0 || n > 4095 {
				return "", "", fmt.Errorf("--errno: unknown error %q, want a name such as ENOENT, a number, or any", word)
			}
		}
		f.Errnos = append(f.Errnos, n)
	}
	if d, err := flags.GetDuration("min-duration"); err == nil {
		if d < 0 {
			return "", "", fmt.Errorf("--min-duration: %v is negative", d)
		}
		f.MinDuration = d.Nanoseconds()
	}
	from, _ = flags.GetString("from")
	to, _ = flags.GetString("to")
	for name, v := range map[string]string{"from": from, "to": to} {
		if _, _, err := parseInstant(v); err != nil {
			return "", "", fmt.Errorf("--%s: %w", name, err)
		}
	}
	return from, to, nil
}

func parseIDs(name string, words []string) (ids []int32, err error) {
	for _, w := range words {
		n, err := strconv.ParseInt(strings.TrimSpace(w), 10, 32)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("--%s: %q is no id", name, w)
		}
		ids = append(ids, int32(n))
	}
	return ids, nil
}

// parseInstant reads a time; relative means that it counts from the first
// event of the capture.
func parseInstant(s string) (ns int64, relative bool, err error) {
	if s == "" {
		return 0, false, nil
	}
	if offset, ok := strings.CutPrefix(s, "+"); ok {
		d, err := time.ParseDuration(offset)
		if err != nil || d < 0 {
			return 0, false, fmt.Errorf("%q is no offset such as +1.5s", s)
		}
		return d.Nanoseconds(), true, nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, false, nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return 0, false, fmt.Errorf("%q is no time: want RFC 3339 (2026-03-01T12:00:00Z), nanoseconds since the epoch, or an offset (+1.5s)", s)
	}
	if y := t.Year(); y < 1678 || y > 2261 {
		return 0, false, fmt.Errorf("the year of %q cannot be told in nanoseconds", s)
	}
	return t.UnixNano(), false, nil
}

// instant resolves a time that parseFilter has read. It looks at the first
// event when it must.
func (in *input) instant(name, s string) (int64, error) {
	ns, relative, err := parseInstant(s)
	if err != nil {
		return 0, err
	}
	if !relative {
		if _, err := strconv.ParseInt(s, 10, 64); s != "" && err != nil {
			ns = in.Meta().Clock.Wall().Capture(ns) // a time of day, not capture time itself
		}
		return ns, nil
	}
	start, ok, err := in.Begin()
	if err != nil {
		return 0, inputError(err)
	}
	if !ok {
		return 0, nil // an empty capture has nothing to bound
	}
	if ns > math.MaxInt64-start {
		return 0, &exitError{code: exitUsage, err: fmt.Errorf("--%s: %q lies beyond all time", name, s)}
	}
	return start + ns, nil
}
