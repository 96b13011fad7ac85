package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"systape/cmd/systape/internal/out"
	"systape/cmd/systape/internal/views"
	"systape/format"
	"systape/replay"
	"systape/replay/audit"
)

const auditHelp = `Tells the calls that matter to security, in the order in which they began, with
their results: what was executed, who became whom or changed its capabilities, what
was traced, loaded into the kernel, mounted, put into other namespaces; signals,
connections, failed opens, memory that is writable and executable, and what was
refused (denied). --tree puts them by process, below the processes that made them.

Rules then say which of them together deserve a look: one call, a set or a
sequence of calls, or a rate, each of a thread, a process, a process and those
that it makes, a tree of processes or the whole capture. --show-rules prints
those that come with systape, which is how a file for --rules is written; it needs
no FILE. What a rule finds proves nothing: how often they hold of programs that do
nothing wrong is told in docs/audit.md. What was not recorded (-e, sampling,
losses), or went by io_uring, is not seen.

  table   lines for people
  jsonl   a line for each call; csv likewise
  ecs     the same in the Elastic Common Schema, and an alert for each finding

`

type auditFlags struct {
	rules, format, output string
	categories            []string
	tree, show, fail      bool
	force                 bool
}

func newAuditCommand() *cobra.Command {
	var f auditFlags
	c := &cobra.Command{
		Use:   "audit FILE...",
		Short: "The trail of calls that matter to security, and what deserves a look",
		Long:  auditHelp + inputHelp,
		Example: `  systape audit trace.parquet
  systape audit trace.parquet --tree --category exec,identity,denied
  systape audit trace.parquet --format ecs -o trail.ndjson
  systape audit --show-rules > my.rules; systape audit trace.parquet --rules my.rules --fail`,
		RunE: func(c *cobra.Command, args []string) error { return runAudit(c, &f, args) },
	}
	fl := c.Flags()
	fl.StringVar(&f.rules, "rules", "", "hold the trail against the rules in this `file`; none: against no rules")
	fl.BoolVar(&f.show, "show-rules", false, "print the rules that come with systape")
	fl.StringSliceVar(&f.categories, "category", nil, "only these `categories`: "+strings.Join(audit.CategoryNames(), " "))
	fl.BoolVar(&f.tree, "tree", false, "by process, below the processes that made them")
	fl.BoolVar(&f.fail, "fail", false, "exit with code 3 if a rule holds")
	fl.StringVar(&f.format, "format", "", "`form` of the result: "+strings.Join(auditForms, " ")+" (default: as FILE of -o is named, or table)")
	fl.StringVarP(&f.output, "output", "o", "", "write to this `file`")
	fl.BoolVar(&f.force, "force", false, "replace the file of -o if it exists")
	addFilterFlags(c)
	return c
}

var auditForms = []string{"table", "jsonl", "csv", "ecs"}

func (f *auditFlags) valid() (err error) {
	if f.format, err = out.FormOf(f.format, f.output, auditForms, false); err != nil {
		return err
	}
	for _, c := range f.categories {
		if !slices.Contains(audit.CategoryNames(), c) {
			return fmt.Errorf("--category: unknown category %q, want one of %s", c, strings.Join(audit.CategoryNames(), ", "))
		}
	}
	if f.tree && f.format != "table" {
		return errors.New("--tree is for people; other forms tell the parent of each process")
	}
	return nil
}

// ruleset reads the rules.
func (f *auditFlags) ruleset() ([]audit.Rule, error) {
	switch f.rules {
	case "":
		rules, _ := audit.Starter()
		return rules, nil
	case "none":
		return nil, nil
	}
	text, err := readSmall(f.rules)
	if err != nil {
		return nil, inputError(err)
	}
	rules, err := audit.ParseRules(string(text))
	if err != nil {
		return nil, &exitError{code: exitFailed, err: fmt.Errorf("%s: %w", f.rules, err), hint: "'systape audit --show-rules' prints rules, and how they are written"}
	}
	return rules, nil
}

func runAudit(c *cobra.Command, f *auditFlags, args []string) error {
	if f.show {
		_, text := audit.Starter()
		_, err := fmt.Fprint(c.OutOrStdout(), text)
		return err
	}
	if err := f.valid(); err != nil {
		return usageError(c, err)
	}
	rules, err := f.ruleset()
	if err != nil {
		return err
	}
	in, err := openInput(c, args, audit.Columns)
	if err != nil {
		return err
	}
	defer in.Close()
	file, err := createResult(c.OutOrStdout(), f.output, append([]string{f.rules}, args...), f.force)
	if err != nil {
		return err
	}
	v := &views.Audit{Tree: f.tree}
	v.Capture, v.Form, v.Out, v.Style = in, f.format, file, file.Style()
	if err = v.Begin(); err == nil {
		err = auditTrail(in, f.categories, audit.NewFinder(rules), v)
	}
	if err == nil {
		err = v.End(c.ErrOrStderr())
	}
	if err = file.close(err); err != nil {
		return err
	}
	if f.fail && v.Findings() > 0 {
		return &exitError{code: exitDamaged, err: errors.New("rules hold of what was recorded")}
	}
	return nil
}

// auditTrail goes over the capture, in the order in which calls began. Rules see all of the trail that the filters
// choose, whatever categories are shown.
func auditTrail(in *input, categories []string, finder *audit.Finder, v *views.Audit) error {
	trail := audit.NewTrail(in.names)
	again := func() replay.Sieve {
		trail.Again()
		launch := replay.NewLaunch(in.Meta())
		return func(b *format.Batch, calls []replay.Call) []replay.Call {
			launch.Events(b)
			return trail.Sift(b, slices.DeleteFunc(calls, func(c replay.Call) bool {
				made, became := launch.Made(&c)
				return made && !became // what the recorder's child did is nobody's
			}))
		}
	}
	return inputError(in.ByStartOf(in.ctx, again, func(calls []replay.Call) error {
		for i := range calls {
			r, _ := trail.Of(&calls[i])
			found := finder.Add(&r)
			if len(categories) == 0 || slices.Contains(categories, r.Category.Name) {
				if err := v.Add(&r); err != nil {
					return err
				}
			}
			for _, x := range found {
				if err := v.Find(x); err != nil {
					return err
				}
			}
		}
		return nil
	}))
}
