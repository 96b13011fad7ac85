package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"systape/capture"
	"systape/cmd/systape/internal/out"
	"systape/replay/escape"
	"systape/replay/units"
)

// newDoctorCommand makes the command that says whether this machine can record.
func newDoctorCommand() *cobra.Command {
	var formatName string
	var quick bool
	var load time.Duration
	c := &cobra.Command{
		Use:   "doctor [flags] [DIR]",
		Short: "Say whether this machine can record, and what it would cost",
		Long: `Looks at all that recording depends on: kernel, type information (BTF), rights,
lockdown, namespaces, cgroups, clock, limits, memory and the disk of DIR, where
captures would go (default: the current folder). It loads the recorder's programs
to hear what the kernel says, and measures on a loop of calls that do nothing
what recording adds to each, beside probes that only fill a ring buffer. That
takes five seconds and keeps one CPU busy.

Each point is ok, a note (recording works, with what the note says) or fails, with
the next step. The exit code is 0 if this machine can record, 1 if not; notes do
not fail. Made to be pasted into a bug report.

On other systems than Linux it says that recording needs Linux, and looks at what
the other commands need.`,
		Example: `  sudo systape doctor
  sudo systape doctor --quick /var/lib/systape
  systape doctor --format json | jq '.checks[] | select(.finding != "ok")'`,
		RunE: func(c *cobra.Command, args []string) error {
			if load > 0 {
				ns, calls := capture.CountCalls(load.Seconds())
				fmt.Fprintf(c.OutOrStdout(), "%f %d\n", ns, calls)
				return nil
			}
			return runDoctor(c, args, formatName, quick)
		},
	}
	flags := c.Flags()
	flags.StringVar(&formatName, "format", "table", "table or json")
	flags.BoolVar(&quick, "quick", false, "measure nothing: one second instead of five")
	addDuration(flags, &load, "load", "", 0, "be the loop of calls for this `time`")
	flags.MarkHidden("load")
	return c
}

// doctorRound is how long the loop of calls runs each time: nine times in all.
const doctorRound = "0.25"

func runDoctor(c *cobra.Command, args []string, formatName string, quick bool) error {
	if _, err := out.FormOf(formatName, "", tableOrJSON, false); err != nil {
		return usageError(c, err)
	}
	if len(args) > 1 {
		return usageError(c, fmt.Errorf("%d folders given, want one", len(args)))
	}
	opt := capture.ExamineOptions{Dir: "."}
	if len(args) == 1 {
		opt.Dir = args[0]
	}
	if self, err := os.Executable(); err == nil && !quick {
		opt.Load = []string{self, "doctor", "--load", doctorRound}
	}
	report := doctorReport{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Examination: capture.Examine(c.Context(), opt)}
	report.Offline = offlineChecks()
	write := report.text
	if formatName == "json" {
		write = report.json
	}
	if err := write(c.OutOrStdout()); err != nil {
		return err
	}
	if !report.CanRecord() {
		return &exitError{code: exitFailed}
	}
	return nil
}

// doctorReport is all that doctor tells.
type doctorReport struct {
	Version, Go, Platform string
	capture.Examination
	Offline []capture.Check // of what commands without rights need
}

func (r *doctorReport) json(w io.Writer) error {
	return out.WriteJSON(w, struct {
		Tool      string            `json:"tool"`
		Platform  string            `json:"platform"`
		CanRecord bool              `json:"can_record"`
		Checks    []capture.Check   `json:"checks"`
		Offline   []capture.Check   `json:"offline"`
		Overhead  *capture.Overhead `json:"overhead,omitempty"`
	}{"systape " + r.Version, r.Platform, r.CanRecord(), r.Checks, r.Offline, r.Overhead}, "  ")
}

// Text has lines of at most doctorWidth columns, so that it can be pasted; what
// was found begins at doctorColumn.
const (
	doctorWidth  = 80
	doctorColumn = 18
)

func (r *doctorReport) text(w io.Writer) error {
	style := out.StyleOf(w)
	var b strings.Builder
	fmt.Fprintf(&b, "systape %s, %s, %s\n", r.Version, r.Go, r.Platform)
	for _, c := range append(r.Checks, r.Offline...) {
		finding := fmt.Sprintf("%-6s", c.Finding)
		switch c.Finding {
		case capture.FindingNote:
			finding = style.Note(finding)
		case capture.FindingFails:
			finding = style.Alarm(finding)
		}
		column := strings.Repeat(" ", doctorColumn)
		found := wrapped(escape.Text(c.Found), doctorWidth-doctorColumn)
		fmt.Fprintf(&b, "%s%-12s%s\n", finding, c.Name, strings.Join(found, "\n"+column))
		for line := range strings.Lines(c.Next) {
			line = escape.Text(strings.TrimRight(line, "\n"))
			if command, ok := strings.CutPrefix(line, "  "); ok {
				fmt.Fprintf(&b, "%s  %s\n", column, command)
			} else {
				fmt.Fprintf(&b, "%s→ %s\n", column, strings.Join(wrapped(line, doctorWidth-doctorColumn-2), "\n  "+column))
			}
		}
	}
	fails, notes := 0, 0
	for _, c := range r.Checks {
		switch c.Finding {
		case capture.FindingFails:
			fails++
		case capture.FindingNote:
			notes++
		}
	}
	verdict := "this machine can record"
	if fails > 0 {
		verdict = "this machine cannot record as it is: " + strconv.Itoa(fails) + map[bool]string{true: " point fails", false: " points fail"}[fails == 1]
	}
	if notes > 0 {
		verdict += ", " + units.Counted(int64(notes), "note")
	}
	_, err := io.WriteString(w, b.String()+verdict+"\n")
	return err
}

// wrapped breaks a text into lines at blanks.
func wrapped(text string, width int) []string {
	lines := []string{""}
	for _, word := range strings.Fields(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case len([]rune(*last))+1+len([]rune(word)) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}
