package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// commandGroups holds the constructors of all commands in the groups of the
// help; each file of a command has one.
var commandGroups = []struct {
	id, title string
	commands  []func() *cobra.Command
}{
	{"record", "Record (Linux, root):", []func() *cobra.Command{newRecordCommand}},
	{"look", "Look:", []func() *cobra.Command{newReplayCommand, newPairCommand, newLatencyCommand, newSequencesCommand, newTopCommand, newViewCommand, newReportCommand}},
	{"judge", "Judge:", []func() *cobra.Command{newBaselineCommand, newScoreCommand, newCompareCommand, newAuditCommand}},
	{"share", "Share:", []func() *cobra.Command{newExportCommand, newImportCommand, newSeccompCommand, newRedactCommand, newBundleCommand}},
	{"files", "Files:", []func() *cobra.Command{newInfoCommand, newVerifyCommand, newRecoverCommand, newCopyCommand, newDumpCommand, newDoctorCommand}},
}

// helpColumns is how wide the flags of a help are: a terminal's usual width.
const helpColumns = 80

const rootHelp = `A flight recorder for system calls: 'systape record' writes every enter and exit
of a command, of processes or of the whole system to a capture; all other
commands work on captures, without rights and on any system.

Exit codes: 0 done, 1 failed, 2 a command line that makes no sense, 3 the capture
is damaged or a check does not hold, 4 no permission. 'record -- COMMAND' ends
with the command's own, or with 125 when recording failed.`

// The order of the table is the order of the data's way.
func init() { cobra.EnableCommandSorting = false }

// newRoot makes the tree of commands for one command line.
func newRoot(args []string) *cobra.Command {
	root := &cobra.Command{
		Use:   "systape",
		Short: "A flight recorder for system calls",
		Long:  rootHelp,
		Example: `  sudo systape record -o trace.parquet -- ls -l
  systape latency trace.parquet
  systape replay trace.parquet --errno any`,
		Version:       versionText(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          unknownCommand,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetVersionTemplate("{{.Version}}")
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages ", fmt.Sprintf(".FlagUsagesWrapped %d ", helpColumns)))
	wrongFlag := func(c *cobra.Command, err error) error {
		code := exitUsage
		// What follows -- is a command, whose codes record passes on.
		if c.Name() == "record" && slices.Contains(args, "--") {
			code = recordFailed
		}
		return &exitError{code: code, err: flagError(err), hint: "see '" + c.CommandPath() + " --help'"}
	}
	root.SetFlagErrorFunc(wrongFlag)
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error {
		if err := emptyFlags(c); err != nil {
			return wrongFlag(c, err)
		}
		return nil
	}
	for _, g := range commandGroups {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, newCommand := range g.commands {
			c := newCommand()
			c.GroupID = g.id
			if c.HasSubCommands() {
				c.Args = unknownCommand
				c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
			}
			root.AddCommand(c)
		}
	}
	root.SetHelpCommand(newHelpCommand())
	return root
}

// unknownCommand refuses what is no command, and names those that are near.
func unknownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	c.SuggestionsMinimumDistance = 2
	e := &exitError{code: exitUsage, err: fmt.Errorf("unknown command %q", args[0]), hint: "see '" + c.CommandPath() + " --help'"}
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		e.hint = "did you mean " + strings.Join(near, " or ") + "? " + e.hint
	}
	return e
}

func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "help [command]",
		Short:   "Show the help of a command",
		Example: "  systape help latency",
		RunE: func(c *cobra.Command, args []string) error {
			about, rest, err := c.Root().Find(args)
			if err != nil || about.HasSubCommands() && len(rest) > 0 {
				return unknownCommand(about, rest)
			}
			return about.Help()
		},
	}
}
