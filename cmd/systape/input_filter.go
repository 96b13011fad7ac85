package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"systape/format/abi"
	"systape/replay"
	"systape/replay/files"
)

// addFilterFlags gives an offline command the filters that all of them have.
func addFilterFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringSlice("pid", nil, "only calls of these processes")
	f.StringSlice("tid", nil, "only calls of these threads")
	f.Var(new(nameList), "comm", "only calls of threads with these names, as they are shown")
	f.Var(new(nameList), "container", "only calls in these containers, by id or its beginning; host: in none")
	f.String("syscall", "", "only these calls, as strace -e")
	f.StringSlice("status", nil, "only calls with these statuses: "+strings.Join(statusWords(), " "))
	f.StringSlice("errno", nil, "only calls that failed with these errors, by name or number; any: with any; success: with none")
	f.String("from", "", "only calls that began at this time or later")
	f.String("to", "", "only calls that began before this time")
	addDuration(f, new(time.Duration), "min-duration", "", 0, "only calls that took at least this long")
	f.Var(new(nameList), "path", "only calls about these files or socket addresses: a path, or a pattern as '/etc/*'")
	f.StringSlice("fd-type", nil, "only calls with descriptors of these types: "+strings.Join(files.TypeWords(), " "))
	addNodeFlag(c)
	f.SortFlags = false
}

// visitFilters gives fn the filters that were given, with their values as they
// would be given again.
func visitFilters(flags *pflag.FlagSet, fn func(name, value string)) {
	filters := &cobra.Command{}
	addFilterFlags(filters)
	flags.Visit(func(f *pflag.Flag) {
		if filters.Flags().Lookup(f.Name) != nil {
			fn(f.Name, strings.Trim(f.Value.String(), "[]"))
		}
	})
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
	f.Comms, f.Containers = namesOf(flags, "comm"), namesOf(flags, "container")
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
		if word == "success" { // as latency --by errno shows it
			f.NoErrno = true
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
	f.Paths = namesOf(flags, "path")
	for _, word := range list("fd-type") {
		t, ok := files.ParseType(word)
		if !ok {
			return "", "", fmt.Errorf("--fd-type: unknown type %q, want one of %s", word, strings.Join(files.TypeWords(), " "))
		}
		f.FileTypes = append(f.FileTypes, t)
	}
	if d, err := flags.GetDuration("min-duration"); err == nil {
		f.MinDuration = d.Nanoseconds()
	}
	from, _ = flags.GetString("from")
	to, _ = flags.GetString("to")
	for name, v := range map[string]string{"from": from, "to": to} {
		if _, err := parseInstant(v); err != nil {
			return "", "", fmt.Errorf("--%s: %w", name, err)
		}
	}
	return from, to, nil
}

// nameList is a flag of names with commas between them. A name in double
// quotes may hold commas, and "" is the empty name.
type nameList []string

func (l *nameList) String() string { return strings.Join(*l, ",") }

// Type implements pflag.Value.
func (*nameList) Type() string { return "strings" }

// Set adds the names of one value.
func (l *nameList) Set(s string) error {
	for {
		name, rest, more := strings.Cut(s, ",")
		if strings.HasPrefix(s, `"`) {
			if end := strings.Index(s[1:], `"`); end >= 0 && (end+2 == len(s) || s[end+2] == ',') {
				if end > 0 {
					*l = append(*l, s[:end+2]) // the quotes may be of the name
				}
				name, rest, more = s[1:end+1], strings.TrimPrefix(s[end+2:], ","), end+2 < len(s)
			}
		}
		*l = append(*l, name)
		if !more {
			break
		}
		s = rest
	}
	return nil
}

// namesOf returns the value of a nameList, and the whole of it, because names
// may hold commas and are shown with them.
func namesOf(flags *pflag.FlagSet, name string) []string {
	if f := flags.Lookup(name); f != nil {
		if l, ok := f.Value.(*nameList); ok {
			if len(*l) > 1 {
				return append(slices.Clone(*l), l.String())
			}
			return *l
		}
	}
	return nil
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

// instant resolves a time that parseFilter has read. It looks at the first
// event when it must.
func (in *input) instant(name, s string) (int64, error) {
	at, err := parseInstant(s)
	if err != nil || at.form == noInstant {
		return 0, err
	}
	first, ok, err := in.Begin()
	if err != nil {
		return 0, inputError(err)
	}
	if !ok {
		return 0, nil // an empty capture has nothing to bound
	}
	ns, word, err := at.resolve(first, in.Meta().Clock.Wall(), name == "to")
	if err != nil {
		return 0, &exitError{code: exitUsage, err: fmt.Errorf("--%s: %w", name, err)}
	}
	if word != "" {
		in.warn(fmt.Errorf("--%s %s", name, word))
	}
	return ns, nil
}
