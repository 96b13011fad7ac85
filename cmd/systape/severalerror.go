package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"systape/format"
	"systape/replay/escape"
)

// oneRecording gives the error of a command that looks at one recording, and was
// given several in args, the command that looks at the first; other errors stay.
func oneRecording(c *cobra.Command, args []string, err error) error {
	several, is := errors.AsType[*format.SeveralError](err)
	if !is {
		return err
	}
	return &exitError{code: exitFailed, err: err, hint: chooseOne(c, args, several.Nodes, several.First)}
}

// mostNodes is how many names of machines a hint tells.
const mostNodes = 8

// chooseOne is the hint for several recordings, of these machines: their names,
// and the command line again for one of them, or for the file first of one.
func chooseOne(c *cobra.Command, args, nodes []string, first string) string {
	if len(nodes) < 2 || slices.Contains(args, "-") {
		return "name the files of one of them: " + again(c, args, []string{first}, "")
	}
	names := nodes[:min(mostNodes, len(nodes))]
	more := ""
	if n := len(nodes) - len(names); n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return fmt.Sprintf("choose one with --node: %s%s; such as %s", strings.Join(names, ", "), more, again(c, args, args, nodes[0]))
}

// again is the command line once more, with other files instead of args and,
// where it is not "", a machine chosen.
func again(c *cobra.Command, args, files []string, node string) string {
	words := strings.Fields(c.CommandPath())
	c.Flags().Visit(func(f *pflag.Flag) {
		value := f.Value.String()
		if list, is := f.Value.(pflag.SliceValue); is {
			value = strings.Join(list.GetSlice(), ",")
		}
		switch {
		case f.Name == "node" && node != "":
		case f.Value.Type() == "bool" && value == "true":
			words = append(words, "--"+f.Name)
		default:
			words = append(words, "--"+f.Name+"="+value)
		}
	})
	if node != "" {
		words = append(words, "--node="+node)
	}
	for i, arg := range c.Flags().Args() {
		if i == c.ArgsLenAtDash() {
			words = append(words, "--")
		}
		switch at := slices.Index(args, arg); {
		case at < 0:
			words = append(words, arg)
		case at == 0:
			words = append(words, files...)
		}
	}
	return escape.Command(words)
}
