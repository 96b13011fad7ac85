package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"systape/replay/pace"
)

// replayKeys lets keys control a replay when it runs between two terminals.
// The context that it returns ends with Ctrl-C, so that stop can give the
// terminal back as it was.
func replayKeys(c *cobra.Command, speed float64, args []string) (context.Context, <-chan pace.Command, func()) {
	in, ok := c.InOrStdin().(*os.File)
	if !ok || !isTerminal(in) || !isTerminal(c.OutOrStdout()) || slices.Contains(args, "-") {
		return c.Context(), nil, func() {}
	}
	restore, err := replayOneKeyAtATime(int(in.Fd()))
	if err != nil {
		return c.Context(), nil, func() {}
	}
	ctx, cancel := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
	if speed != pace.Max && isTerminal(c.ErrOrStderr()) {
		fmt.Fprintln(c.ErrOrStderr(), "keys: space pause, s step, + faster, - slower, n next, q quit")
	}
	commands := make(chan pace.Command, 64)
	go func() {
		// It ends with the program: a read from a terminal cannot be given up.
		var b [64]byte
		for {
			n, err := in.Read(b[:])
			if err != nil || n == 0 {
				return
			}
			for _, key := range b[:n] {
				if cmd, ok := replayKey(key); ok {
					select {
					case commands <- cmd:
					case <-ctx.Done():
						return
					}
				}
			}
		}
	}()
	return ctx, commands, func() { cancel(); restore() }
}

func replayKey(key byte) (pace.Command, bool) {
	switch key {
	case ' ', 'p':
		return pace.Pause, true
	case 's', '.', '\r', '\n':
		return pace.Step, true
	case '+', '=':
		return pace.Faster, true
	case '-', '_':
		return pace.Slower, true
	case 'n':
		return pace.Skip, true
	case 'q', 0x04:
		return pace.Quit, true
	}
	return 0, false
}
